import { make } from "../graph/build";
import type { Canvas } from "../graph/canvas";
import { count } from "../lib/count";
import { party } from "../lib/party";
import type { Summary } from "../lib/types";
import type { Traffic } from "./traffic";

const STEPS = [1, 5, 15, 40, 80];
const HOT = 10;
const GLOW = 400;

/** Colours the diagram by what goes on: classes and an overlay only, nothing moves. */
export class Heat {
  constructor(private readonly canvas: Canvas) {}

  show(traffic: Traffic, followed: Summary | null): void {
    const overlay: SVGGElement[] = [];
    for (const node of this.canvas.drawing?.nodes ?? []) {
      const sessions = traffic.states.get(node.state) ?? 0;
      const element = this.canvas.element({ kind: "state", name: node.state })?.parentElement;
      element?.setAttribute("data-heat", String(levelOf(sessions)));
      if (sessions > 0) overlay.push(pill(node.box.x + node.box.width, node.box.y, sessions, node.state));
    }
    const here = followed ? this.canvas.node(followed.state) : undefined;
    if (here && followed) overlay.unshift(ring(here.box, `${party(followed.role === "UAS" ? followed.caller : followed.callee)} is here`));
    this.canvas.overlay?.replaceChildren(...overlay);
    const warm = traffic.warm();
    for (const edge of this.canvas.svg.querySelectorAll<SVGGElement>(".edge")) {
      const fired = (edge.dataset["rows"] ?? "").split(" ").reduce((sum, row) => sum + (warm.get(Number(row)) ?? 0), 0);
      edge.classList.toggle("warm", fired > 0);
      edge.classList.toggle("hot", fired >= HOT);
    }
  }

  /** Let the edges of rows that fired just now glow for a moment. */
  flash(rows: number[]): void {
    for (const row of rows) {
      const parts = [this.canvas.element({ kind: "row", index: row }), ...this.canvas.edgesOf(row)];
      for (const part of parts) {
        part?.classList.add("flash");
        window.setTimeout(() => part?.classList.remove("flash"), GLOW);
      }
    }
  }
}

function levelOf(sessions: number): number {
  return STEPS.filter((step) => sessions >= step).length;
}

function pill(x: number, y: number, sessions: number, state: string): SVGGElement {
  const text = count(sessions);
  const width = Math.max(18, 10 + text.length * 6.5);
  const group = make("g", { class: "countpill", transform: `translate(${x - 4} ${y})` });
  group.dataset["testid"] = `count-${state}`;
  const label = make("text", { y: 4 });
  label.textContent = text;
  group.append(make("rect", { x: -width / 2, y: -9, width, height: 18, rx: 9 }), label);
  return group;
}

function ring(box: { x: number; y: number; width: number; height: number }, said: string): SVGGElement {
  const group = make("g", { class: "follow" });
  const width = said.length * 5.6 + 14;
  const label = make("text", { x: box.x + 4, y: box.y + box.height + 15 });
  label.textContent = said;
  group.append(
    make("rect", { x: box.x - 5, y: box.y - 5, width: box.width + 10, height: box.height + 10, rx: 4 }),
    make("rect", { class: "flag", x: box.x - 3, y: box.y + box.height + 4, width, height: 16, rx: 3 }),
    label,
  );
  return group;
}
