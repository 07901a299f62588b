import { make } from "../graph/build";
import type { Canvas } from "../graph/canvas";
import { toast } from "../lib/toast";
import type { Act } from "./acts";
import type { Store } from "./store";

/** What a flow can be saved as: made here from what is on the screen, or by the server from the table. */
export const FORMS = ["svg", "png", "pdf", "dot", "mermaid", "markdown", "csv", "yaml"] as const;
export type ExportForm = (typeof FORMS)[number];

const SAID: Record<ExportForm, string> = { svg: "SVG", png: "PNG", pdf: "PDF", dot: "DOT", mermaid: "Mermaid", markdown: "Markdown", csv: "CSV", yaml: "YAML" };
/** What of a look is written into the file; everything else is as SVG has it by itself. */
const LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "text-anchor", "dominant-baseline"];
const FONTS = "Arimo, 'Liberation Sans', Arial, 'Helvetica Neue', sans-serif";
const MARGIN = 12;
const DENSITY = 2;
const LONGEST_SIDE = 12_000;

export function exportActs(store: Store, canvas: Canvas): Act[] {
  return FORMS.map((form) => ({ id: `export-${form}`, title: `Save as ${SAID[form]}`, group: "Files", run: () => void save(form, store, canvas), can: () => store.dot !== null }));
}

export function named(form: ExportForm): string {
  return SAID[form];
}

async function save(form: ExportForm, store: Store, canvas: Canvas): Promise<void> {
  try {
    if (form === "svg") give(new Blob([svgOf(canvas, store.flow)], { type: "image/svg+xml" }), `${store.flow}.svg`);
    else if (form === "png") give(await pngOf(canvas, store.flow), `${store.flow}.png`);
    else await fetched(form, store);
  } catch (fault) {
    toast(`${SAID[form]} was not made: ${fault instanceof Error ? fault.message : String(fault)}`, { kind: "err" });
  }
}

/** Let the server write it, drawn as it is drawn here. */
async function fetched(form: ExportForm, store: Store): Promise<void> {
  const address = new URL((store.urls["export"] ?? "").replace("{form}", form), location.href);
  address.search = location.search;
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(answer.status === 409 ? await answer.text() : "the server did not answer as expected. Try again.");
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  give(await answer.blob(), name ?? `${store.flow}.${form}`);
}

function give(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The picture as it looks now, all of it, with its looks written into it: it needs no style sheet and no page. */
export function svgOf(canvas: Canvas, name: string): string {
  const box = canvas.drawing?.box;
  const picture = canvas.svg.querySelector<SVGGElement>(".picture");
  if (!box || !picture) throw new Error("there is no picture yet.");
  const { host } = canvas;
  // From near, for a moment that is never painted: texts that are too small to be read are in the file.
  const far = host.classList.contains("far");
  const away = [...picture.querySelectorAll(".away")];
  host.classList.remove("far");
  for (const node of away) node.classList.remove("away");
  const copy = copied(picture);
  host.classList.toggle("far", far);
  for (const node of away) node.classList.add("away");
  const x = box.x - MARGIN;
  const y = box.y - MARGIN;
  const width = box.width + 2 * MARGIN;
  const height = box.height + 2 * MARGIN;
  const svg = make("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `${x} ${y} ${width} ${height}`, width, height, "font-family": FONTS });
  const title = make("title", {});
  title.textContent = name;
  svg.append(title, make("rect", { x, y, width, height, fill: getComputedStyle(host).backgroundColor }), copy);
  return new XMLSerializer().serializeToString(svg);
}

/** A copy of what is drawn, its looks as attributes, without what is not seen or only there to be pressed. */
function copied(from: SVGElement): SVGElement {
  const copy = document.createElementNS("http://www.w3.org/2000/svg", from.tagName) as SVGElement;
  const style = getComputedStyle(from);
  for (const name of ["d", "points", "x", "y", "x1", "x2", "y1", "y2", "r", "rx", "width", "height", "transform"]) {
    const value = from.getAttribute(name);
    if (value !== null) copy.setAttribute(name, value);
  }
  const moved = /translate\(([-\d.e]+)px(?:, ([-\d.e]+)px)?\)/.exec(from.style.transform);
  if (moved) copy.setAttribute("transform", `translate(${moved[1] ?? 0} ${moved[2] ?? 0})`);
  if (from.childElementCount === 0) {
    for (const look of LOOKS) {
      const value = style.getPropertyValue(look);
      if (value) copy.setAttribute(look, value);
    }
    copy.textContent = from.textContent;
  } else if (style.opacity !== "1") copy.setAttribute("opacity", style.opacity);
  for (const child of from.children) {
    const element = child as SVGElement;
    if (element.matches(".hit, .hatched, title") || getComputedStyle(element).display === "none") continue;
    copy.append(copied(element));
  }
  return copy;
}

async function pngOf(canvas: Canvas, name: string): Promise<Blob> {
  const box = canvas.drawing?.box;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgOf(canvas, name))}`;
  await image.decode();
  const longest = Math.max(box?.width ?? 1, box?.height ?? 1) + 2 * MARGIN;
  const density = Math.min(DENSITY, LONGEST_SIDE / longest);
  const sheet = document.createElement("canvas");
  sheet.width = Math.round(image.width * density);
  sheet.height = Math.round(image.height * density);
  sheet.getContext("2d")?.drawImage(image, 0, 0, sheet.width, sheet.height);
  return new Promise((done, failed) => sheet.toBlob((file) => (file ? done(file) : failed(new Error("the browser could not draw a picture of this size."))), "image/png"));
}
