import "./css/diagram.css";
import "./css/live.css";
import { Canvas } from "./graph/canvas";
import { namesOf } from "./graph/names";
import { Renderer, type Drawn } from "./graph/renderer";
import { announce } from "./lib/announce";
import { boot } from "./lib/boot";
import { count } from "./lib/count";
import { element } from "./lib/element";
import { Socket } from "./lib/socket";
import { clock } from "./lib/times";
import type { LiveBoot } from "./live/boot";
import { Calls } from "./live/calls";
import { Heat } from "./live/heat";
import { Traffic } from "./live/traffic";

const ACKNOWLEDGE_EACH = 10;

const data = boot<LiveBoot>("boot");
if (!data) throw new Error("The page has no boot data");

const part = (name: string): HTMLElement => element<HTMLElement>(`[data-part="${name}"]`);
const traffic = new Traffic();
const counts = (state: string): string => `${traffic.states.get(state) ?? 0} calls`;
const canvas = new Canvas(part("canvas"), namesOf(() => data.picture, counts), {
  select(selection) {
    const state = selection?.kind === "state" ? selection.name : null;
    canvas.select(selection);
    calls.narrow(state);
  },
  zoomed: (percent) => {
    part("zoom").textContent = `${percent} %`;
  },
}, { begin: () => data.picture?.initial });
const heat = new Heat(canvas);
const calls = new Calls(
  part("calls"),
  part("followed"),
  element<HTMLInputElement>('[data-part="search"]'),
  traffic,
  data.picture,
  data.versions,
  (id) => data.urls.call.replace("{id}", encodeURIComponent(id)).replace("ID", encodeURIComponent(id)),
  () => draw(),
);

let paused = false;
let connected = false;

const socket = new Socket(data.ws, {
  frame(frame) {
    const seq = Number(frame["seq"] ?? 0);
    if (seq && seq % ACKNOWLEDGE_EACH === 0) socket.send({ type: "ack", seq });
    const fired = traffic.take(frame);
    if (fired === null || paused) return;
    draw();
    heat.flash(fired);
  },
  open() {
    connected = true;
  },
  lost() {
    connected = false;
    tick();
  },
});

const pause = part("pause");
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  part("pause-word").textContent = paused ? "Go on" : "Pause";
  announce(paused ? "Paused" : "Live again");
  if (!paused) draw();
});
for (const [name, run] of Object.entries({ "zoom-in": () => canvas.zoom(1.2), "zoom-out": () => canvas.zoom(1 / 1.2), fit: () => canvas.fit() })) {
  document.querySelector(`[data-do="${name}"]`)?.addEventListener("click", run);
}

window.setInterval(() => {
  if (!paused) {
    tick();
    calls.draw();
    heat.show(traffic, calls.session);
  }
}, 1000);
if (data.dot) void new Renderer().draw(data.dot).then(shown);
draw();

async function shown({ drawing }: Drawn): Promise<void> {
  await canvas.show(drawing);
  part("canvas").dataset["drawn"] = "1";
  draw();
}

/** Everything that depends on the traffic. */
function draw(): void {
  calls.draw();
  heat.show(traffic, calls.session);
  part("count").textContent = count(traffic.total);
  part("total").textContent = count(traffic.total);
  part("unhandled").textContent = count(traffic.unhandledCount);
  part("unhandled").classList.toggle("warn", traffic.unhandledCount > 0);
  const last = traffic.unhandled[0];
  part("unhandled-note").textContent = last ? `last: ${last.event} in ${last.state}` : "since this page opened";
  const newer = traffic.digest !== "" && traffic.digest !== data?.digest;
  part("newer").hidden = !newer;
  part("away").hidden = !traffic.away;
  tick();
}

/** The figures that change with time alone. */
function tick(): void {
  part("clock").textContent = connected ? clock(traffic.clock()) : "no connection";
  part("begun").textContent = count(traffic.begun());
}
