import { make } from "./build";
import type { Box, Drawing } from "./drawing";

/** The small picture of the whole, with the part that is in the window; a click goes there. */
export class Minimap {
  readonly #svg = make("svg", { class: "mini", "aria-hidden": "true" });
  readonly #window = make("rect", { class: "window" });
  readonly #nodes = make("g", {});
  #drawing: Drawing | null = null;

  constructor(private readonly host: HTMLElement, go: (x: number, y: number) => void) {
    host.append(this.#svg);
    this.#svg.append(this.#nodes, this.#window);
    const move = (event: PointerEvent): void => {
      const matrix = this.#svg.getScreenCTM()?.inverse();
      if (!matrix) return;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
      go(at.x, at.y);
    };
    this.#svg.addEventListener("pointerdown", (event) => {
      this.#svg.setPointerCapture(event.pointerId);
      move(event);
    });
    this.#svg.addEventListener("pointermove", (event) => {
      if (event.buttons) move(event);
    });
  }

  show(drawing: Drawing, window: Box): void {
    if (drawing !== this.#drawing) this.#draw(drawing);
    const { x, y, width, height } = drawing.box;
    // Where all of it is in sight, a second picture would only hide a part of the first.
    this.host.hidden = window.x <= x && window.y <= y && window.x + window.width >= x + width && window.y + window.height >= y + height;
    const left = Math.max(x, window.x);
    const top = Math.max(y, window.y);
    this.#window.setAttribute("x", String(left));
    this.#window.setAttribute("y", String(top));
    this.#window.setAttribute("width", String(Math.max(0, Math.min(x + width, window.x + window.width) - left)));
    this.#window.setAttribute("height", String(Math.max(0, Math.min(y + height, window.y + window.height) - top)));
  }

  #draw(drawing: Drawing): void {
    this.#drawing = drawing;
    const { x, y, width, height } = drawing.box;
    this.#svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
    this.#nodes.replaceChildren(
      ...drawing.nodes.flatMap((node) => {
        const kind = node.classes.find((name) => ["uac", "uas", "both"].includes(name)) ?? "both";
        const box = (part: Box, name: string): SVGRectElement =>
          make("rect", { class: `${name} ${kind}`, x: part.x, y: part.y, width: part.width, height: part.height });
        return [box(node.box, "mb"), box(node.head, "mh")];
      }),
    );
  }
}
