import "./css/diagram.css";
import { markFindings } from "./graph/badges";
import { Canvas } from "./graph/canvas";
import { namesOf } from "./graph/names";
import { Renderer, type Drawn } from "./graph/renderer";
import { boot } from "./lib/boot";
import { element } from "./lib/element";
import { fromHash, toHash, type Selection } from "./lib/selection";
import type { Finding, Picture } from "./lib/types";
import { YamlView } from "./lib/yaml-view";

interface VersionBoot {
  text: string;
  dot: string | null;
  picture: Picture | null;
  findings: Finding[];
}

const data = boot<VersionBoot>("boot");
if (!data) throw new Error("The page has no boot data");

const yaml = new YamlView(element<HTMLElement>('[data-part="yaml"]'), data.text);
const canvas = new Canvas(element<HTMLElement>('[data-part="canvas"]'), namesOf(() => data.picture), { select: choose }, { begin: () => data.picture?.initial });

if (data.dot) void new Renderer().draw(data.dot).then(shown);
window.addEventListener("hashchange", () => choose(fromHash(location.hash)));

async function shown({ drawing }: Drawn): Promise<void> {
  await canvas.show(drawing);
  markFindings(canvas, data?.findings ?? []);
  if (location.hash) choose(fromHash(location.hash));
}

function choose(selection: Selection): void {
  canvas.select(selection, true);
  history.replaceState(history.state, "", toHash(selection) || location.pathname);
  const row = selection?.kind === "row" ? data?.picture?.rows.find((item) => item.index === selection.index) : undefined;
  const state = selection?.kind === "state" ? data?.picture?.states.find((item) => item.name === selection.name) : undefined;
  yaml.mark(row ? { from: row.line, to: row.end_line } : state?.declared ? { from: state.line, to: state.line } : null);
}
