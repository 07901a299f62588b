import "./css/diagram.css";
import "./css/compare.css";
import "./css/proof.css";
import { markFindings } from "./graph/badges";
import { Canvas } from "./graph/canvas";
import { namesOf } from "./graph/names";
import { Renderer, type Drawn } from "./graph/renderer";
import { boot } from "./lib/boot";
import { element } from "./lib/element";
import { fromHash, toHash, type Selection } from "./lib/selection";
import type { Finding, Picture } from "./lib/types";
import { YamlView } from "./lib/yaml-view";
import { choice, clearCoverage, markCoverage, showTags, type Coverage } from "./proof/coverage";

interface VersionBoot {
  text: string;
  dot: string | null;
  picture: Picture | null;
  findings: Finding[];
  coverage: Coverage;
}

const data = boot<VersionBoot>("boot");
if (!data) throw new Error("The page has no boot data");

const yaml = new YamlView(element<HTMLElement>('[data-part="yaml"]'), data.text);
const host = element<HTMLElement>('[data-part="canvas"]');
const canvas = new Canvas(host, namesOf(() => data.picture), { select: choose }, { begin: () => data.picture?.initial });

if (data.dot) void new Renderer().draw(data.dot).then(shown);
choice(element<HTMLElement>('[data-part="layer"]'), layer);
window.addEventListener("hashchange", () => choose(fromHash(location.hash)));

async function shown({ drawing }: Drawn): Promise<void> {
  await canvas.show(drawing);
  markFindings(canvas, data?.findings ?? []);
  if (location.hash) choose(fromHash(location.hash));
}

/** Findings or coverage: only classes and badges change, nothing moves. */
function layer(value: string): void {
  const covering = value !== "findings";
  host.classList.toggle("covering", covering);
  element<HTMLElement>('[data-part="cover-legend"]').hidden = !covering;
  clearCoverage(canvas);
  markFindings(canvas, covering ? [] : (data?.findings ?? []));
  if (!covering || !data) return;
  markCoverage(canvas, data.coverage, "both");
  showTags(canvas, data.picture?.initial);
}

function choose(selection: Selection): void {
  canvas.select(selection, true);
  history.replaceState(history.state, "", toHash(selection) || location.pathname);
  const row = selection?.kind === "row" ? data?.picture?.rows.find((item) => item.index === selection.index) : undefined;
  const state = selection?.kind === "state" ? data?.picture?.states.find((item) => item.name === selection.name) : undefined;
  yaml.mark(row ? { from: row.line, to: row.end_line } : state?.declared ? { from: state.line, to: state.line } : null);
}
