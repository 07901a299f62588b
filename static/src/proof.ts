import "./css/diagram.css";
import "./css/compare.css";
import "./css/proof.css";
import { rowDisc } from "./graph/badges";
import { Canvas } from "./graph/canvas";
import { namesOf } from "./graph/names";
import { Renderer, type Drawn } from "./graph/renderer";
import { boot } from "./lib/boot";
import { fromHash, toHash, type Selection } from "./lib/selection";
import type { Picture } from "./lib/types";

interface ProofBoot {
  dot: string | null;
  picture: Picture | null;
  /** By row: in how many calls it was the first difference. */
  counts: Record<number, number>;
}

const data = boot<ProofBoot>("boot");
const host = document.querySelector<HTMLElement>('[data-part="canvas"]');
if (data?.dot && host) drawn(host, data.dot, data);

function drawn(place: HTMLElement, dot: string, { picture, counts }: ProofBoot): void {
  const names = namesOf(() => picture);
  const said = (index: number): string => (counts[index] ? `, ${counts[index]} calls differ first here` : "");
  const canvas = new Canvas(
    place,
    { state: (name) => names.state(name), row: (index) => names.row(index) + said(index) },
    { select: (selection) => choose(selection) },
    { begin: () => picture?.initial },
  );
  const choose = (selection: Selection): void => {
    canvas.select(selection, true);
    history.replaceState(history.state, "", toHash(selection) || location.pathname);
  };
  void new Renderer().draw(dot).then(async ({ drawing }: Drawn) => {
    await canvas.show(drawing);
    for (const [index, count] of Object.entries(counts)) {
      const row = Number(index);
      canvas.element({ kind: "row", index: row })?.classList.add("f-warning");
      const disc = rowDisc(canvas, row, String(count), "warning");
      if (disc) canvas.overlay.append(disc);
    }
    place.dataset["drawn"] = "yes";
    if (location.hash) choose(fromHash(location.hash));
  });
}
