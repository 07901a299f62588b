import "./css/diagram.css";
import "./css/compare.css";
import "./css/proof.css";
import { Canvas } from "./graph/canvas";
import { namesOf } from "./graph/names";
import { Renderer, type Drawn } from "./graph/renderer";
import { boot } from "./lib/boot";
import { element } from "./lib/element";
import { fromHash, toHash, type Selection } from "./lib/selection";
import type { Picture } from "./lib/types";
import { choice, markCoverage, saidOf, showTags, type Coverage, type Show } from "./proof/coverage";

interface TestsBoot {
  dot: string | null;
  picture: Picture | null;
  coverage: Coverage;
}

for (const select of document.querySelectorAll<HTMLSelectElement>(".on-version select")) {
  select.addEventListener("change", () => select.form?.requestSubmit());
}

const data = boot<TestsBoot>("boot");
if (data?.dot) drawn(data.dot, data);

function drawn(dot: string, { coverage, picture }: TestsBoot): void {
  const host = element<HTMLElement>('[data-part="canvas"]');
  const names = namesOf(() => picture);
  const canvas = new Canvas(
    host,
    { state: (name) => names.state(name), row: (index) => `${names.row(index)}, ${saidOf(coverage.rows[index])}` },
    { select: (selection) => choose(selection) },
    { begin: () => picture?.initial },
  );
  const choose = (selection: Selection): void => {
    canvas.select(selection, true);
    history.replaceState(history.state, "", toHash(selection) || location.pathname + location.search);
  };
  choice(element<HTMLElement>('[data-part="cover"]'), (value) => {
    host.dataset["show"] = value;
    markCoverage(canvas, coverage, value as Show);
  });
  window.addEventListener("hashchange", () => choose(fromHash(location.hash)));
  void new Renderer().draw(dot).then(async ({ drawing }: Drawn) => {
    await canvas.show(drawing);
    markCoverage(canvas, coverage, "both");
    showTags(canvas, picture?.initial);
    host.dataset["drawn"] = "yes";
    if (location.hash) choose(fromHash(location.hash));
  });
}
