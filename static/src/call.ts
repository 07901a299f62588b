import "./css/diagram.css";
import "./css/call.css";
import { Acts } from "./call/acts";
import type { CallBoot } from "./call/boot";
import { Ladder } from "./call/ladder";
import { drawPath } from "./call/path";
import { Steps } from "./call/steps";
import { CallStore } from "./call/store";
import { Canvas } from "./graph/canvas";
import { namesOf } from "./graph/names";
import { Renderer } from "./graph/renderer";
import { announce } from "./lib/announce";
import { boot } from "./lib/boot";
import { element } from "./lib/element";
import { Socket } from "./lib/socket";
import { callTime, duration } from "./lib/times";
import { YamlView } from "./lib/yaml-view";

const ACKNOWLEDGE_EACH = 10;

const data = boot<CallBoot>("boot");
if (!data) throw new Error("The page has no boot data");

const part = (name: string): HTMLElement => element<HTMLElement>(`[data-part="${name}"]`);
const store = new CallStore(data);
const yaml = new YamlView(part("yaml"), data.text);
const canvas = new Canvas(part("canvas"), namesOf(() => data.picture), {
  select(selection) {
    const index = selection?.kind === "row" ? selection.index : -1;
    const step = store.steps.findLast((line) => (selection?.kind === "row" ? line.row === index : line.to_state === selection?.name));
    if (step) store.select(step.sequence);
  },
}, { begin: () => data.picture?.initial });
new Steps(part("steps"), store);
new Ladder(part("ladder"), part("raw"), store);
new Acts(part("acts"), store, data.urls.send);
const slider = element<HTMLInputElement>('[data-part="slider"]');

store.on(show);
if (data.dot) {
  void new Renderer().draw(data.dot).then(async ({ drawing }) => {
    await canvas.show(drawing);
    part("canvas").dataset["drawn"] = "1";
    show();
  });
}

const socket = new Socket(data.ws, {
  frame(frame) {
    const seq = Number(frame["seq"] ?? 0);
    if (seq && seq % ACKNOWLEDGE_EACH === 0) socket.send({ type: "ack", seq });
    store.take(frame);
    if (frame.type === "ended") announce(`The call ended: ${String(frame["outcome"])}`);
  },
});

slider.addEventListener("input", () => store.select(store.steps[Number(slider.value) - 1]?.sequence ?? null));
part("before").addEventListener("click", () => store.move(-1));
part("after").addEventListener("click", () => store.move(1));
part("newest").addEventListener("click", () => store.select(null));
document.addEventListener("keydown", (event) => {
  if ((event.target as Element).closest("input, textarea, select, dialog, .drawer")) return;
  if (event.key === ",") store.move(-1);
  else if (event.key === ".") store.move(1);
});
for (const tab of document.querySelectorAll<HTMLElement>("[data-tab-of]")) {
  tab.addEventListener("click", () => {
    part("body").dataset["tab"] = tab.dataset["tabOf"] ?? "steps";
    for (const other of document.querySelectorAll("[data-tab-of]")) other.setAttribute("aria-selected", String(other === tab));
    canvas.fit();
  });
}
window.setInterval(() => times(), 1000);
show();

/** Everything that follows the cursor. */
function show(): void {
  const step = store.step;
  const at = step ? store.steps.indexOf(step) : -1;
  slider.max = String(Math.max(1, store.steps.length));
  slider.value = String(at + 1);
  part("where").textContent = store.steps.length ? `Step ${at + 1} of ${store.steps.length}` : "No step yet";
  part("count").textContent = String(store.steps.length);
  part("messages").textContent = String(store.wire.length);
  part("at").textContent = step ? callTime(step.time - store.began) : "";
  part("state").textContent = store.ended ? (store.session.outcome || "over") : store.session.state;
  part("chip").classList.toggle("live", !store.ended);
  const lost = store.session.unhandled > 0 || store.steps.some((line) => line.kind === "unhandled");
  part("warned").hidden = !lost;
  const row = step && step.row >= 0 ? data?.picture?.rows.find((item) => item.index === step.row) : undefined;
  yaml.mark(row ? { from: row.line, to: row.end_line } : null);
  if (canvas.drawing) drawPath(canvas, store);
  times();
}

function times(): void {
  const end = store.ended ? (store.session.ended ?? store.steps.at(-1)?.time ?? store.began) : Date.now() / 1000;
  part("took").textContent = duration(end - store.began);
}
