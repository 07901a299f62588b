import "./css/diagram.css";
import "./css/live.css";
import { Canvas } from "./graph/canvas";
import { namesOf } from "./graph/names";
import { Renderer, type Drawn } from "./graph/renderer";
import { announce } from "./lib/announce";
import { boot } from "./lib/boot";
import { count } from "./lib/count";
import { element } from "./lib/element";
import { party } from "./lib/party";
import { Socket } from "./lib/socket";
import { clock } from "./lib/times";
import type { LiveBoot } from "./live/boot";
import { Calls } from "./live/calls";
import { View } from "./live/view";
import { FigureBar } from "./live/figures";
import { Followed, other } from "./live/followed";
import { Heat } from "./live/heat";
import { legend } from "./live/legend";
import { Operator } from "./live/operator";
import { Outline, undrawn } from "./live/outline";
import { scaleOf } from "./live/scales";
import { Traffic, type Standing } from "./live/traffic";

const ACKNOWLEDGE_EACH = 15;
/** The page is drawn at most this often, however many frames come. */
const LEAST_MILLISECONDS = 250;

const data = boot<LiveBoot>("boot");
if (!data) throw new Error("The page has no boot data");

const part = (name: string): HTMLElement => element<HTMLElement>(`[data-part="${name}"]`);
const traffic = new Traffic();
traffic.numbers = data.versions;
traffic.deployed = data.deployed;
let states = new Map<string, Standing>();
let heat: Heat | null = null;
let paused = false;
let connected = false;
let due = 0;
let last = 0;

const url = (id: string): string => data.urls.call.replace("{id}", encodeURIComponent(id));
const said = (state: string): string => `${count(states.get(state)?.calls ?? 0)} calls`;
const canvas = new Canvas(part("picture"), namesOf(() => data.picture, said), {
  select(selection) {
    canvas.select(selection);
    calls.want({ state: selection?.kind === "state" ? selection.name : "" });
  },
  zoomed: (percent) => {
    part("zoom").textContent = `${percent} %`;
    heat?.zoomed();
  },
}, { begin: () => data.picture?.initial });
heat = new Heat(canvas);
const view = new View(part("view"), traffic, () => {
  calls.want({ digest: view.part.digest, role: view.part.role });
  draw();
});
const calls = new Calls(part("calls"), part("list-bar"), element<HTMLInputElement>('[data-part="search"]'), traffic, (data.picture?.states ?? []).filter((state) => !state.final).map((state) => state.name), {
  ask: (wanted) => socket.send({ type: "list", ...wanted }),
  follow,
});
const followed = new Followed(part("followed"), part("followed-body"), traffic, url, () => follow(null), (session) => operator.offer(session));
const operator = new Operator(part("acts"), (id) => data.urls.acts.replace("{id}", encodeURIComponent(id)));
const outline = new Outline(part("outline"), data.picture, (state) => calls.want({ state: calls.wanted.state === state ? "" : state }));
const figures = new FigureBar(part("figures"), part("chart"), traffic, data.urls.figures, () => {
  calls.want({ unusual: true, state: "", node: "" });
  part("calls").focus();
});

const socket = new Socket(data.ws, {
  frame(frame) {
    const seq = Number(frame["seq"] ?? 0);
    if (seq && seq % ACKNOWLEDGE_EACH === 0) socket.send({ type: "ack", seq });
    if (frame.type === "followed") {
      followed.take(frame);
      if (!paused) {
        followed.draw();
        ring();
      }
      return;
    }
    const fired = traffic.take(frame);
    if (fired === null || paused) return;
    soon();
    heat?.flash(fired);
  },
  open() {
    connected = true;
    // The server forgot what this page looks at.
    socket.send({ type: "list", ...calls.wanted });
    if (calls.followed) socket.send({ type: "follow", id: calls.followed });
  },
  lost() {
    connected = false;
    tick();
  },
});

const pause = part("pause");
pause.addEventListener("click", () => {
  if (!paused) part("clock").textContent = clock(traffic.clock());
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  part("pause-word").textContent = paused ? "Go on" : "Pause";
  part("live-word").textContent = paused ? "stands still" : "live";
  part("now").classList.toggle("still", paused);
  announce(paused ? `Stands still at ${part("clock").textContent}` : "Live again");
  if (!paused) draw();
});
const switcher = part("outline-switch");
switcher.addEventListener("click", () => {
  const list = part("outline");
  list.hidden = !list.hidden;
  switcher.setAttribute("aria-pressed", String(!list.hidden));
  part("canvas").classList.toggle("listed", !list.hidden);
  if (list.hidden) canvas.fit();
  draw();
});
for (const [name, run] of Object.entries({ "zoom-in": () => canvas.zoom(1.2), "zoom-out": () => canvas.zoom(1 / 1.2), fit: () => canvas.fit() })) {
  document.querySelector(`[data-do="${name}"]`)?.addEventListener("click", run);
}
document.addEventListener("keydown", (event) => {
  const typing = (event.target as Element).closest("input, select, textarea, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "p") pause.click();
  else if (event.key === "l") switcher.click();
  else if (event.key === "/") {
    event.preventDefault();
    element<HTMLInputElement>('[data-part="search"]').focus();
  } else if (event.key === "Escape" && calls.followed) follow(null);
});

window.setInterval(() => {
  if (!paused && !document.hidden) draw();
}, 1000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !paused) draw();
});
// On a telephone the list says more than a picture as small as that; the picture is one tap away.
if (window.matchMedia("(max-width: 719px)").matches) switcher.click();
if (data.dot) void new Renderer().draw(data.dot).then(shown);
draw();

async function shown({ drawing }: Drawn): Promise<void> {
  await canvas.show(drawing);
  canvas.fit();
  part("canvas").dataset["drawn"] = "1";
  draw();
}

function follow(id: string | null): void {
  calls.followed = id;
  if (id === null) followed.detail = null;
  socket.send({ type: "follow", id: id ?? "" });
  calls.draw();
  followed.draw();
  ring();
}

/** Draw when the last drawing is a while ago. */
function soon(): void {
  if (due || document.hidden) return;
  due = window.setTimeout(draw, Math.max(0, last + LEAST_MILLISECONDS - performance.now()));
}

/** Everything that depends on the traffic. */
function draw(): void {
  window.clearTimeout(due);
  due = 0;
  last = performance.now();
  states = traffic.states(view.part);
  const scale = scaleOf(view.measure, states.values());
  const warm = traffic.warm(view.part);
  heat?.show(states, scale, warm);
  ring();
  legend(part("legend"), scale, view.measure === "failures" ? since() : "");
  part("canvas").dataset["measure"] = view.measure;
  outline.draw(states, warm, calls.wanted.state);
  calls.draw();
  view.draw();
  followed.draw();
  figures.draw();
  notes();
  say();
  tick();
}

function ring(): void {
  const session = followed.detail?.gone === false ? followed.session : null;
  heat?.follow(session?.state ?? null, session ? party(other(session)) : "");
}

function notes(): void {
  part("count").textContent = count(traffic.matching || traffic.total);
  part("newer").hidden = traffic.digest === "" || traffic.digest === data?.digest;
  part("away").hidden = !traffic.away;
  const strange = undrawn(data?.picture ?? null, states);
  part("undrawn").hidden = strange.calls === 0;
  part("undrawn-words").textContent = `${count(strange.calls)} ${strange.calls === 1 ? "call stands" : "calls stand"} in states that this version does not have: ${strange.names.join(", ")}.`;
}

/** Failures are counted since the node began, if that is less than an hour ago. */
function since(): string {
  const begin = traffic.counting;
  return begin && traffic.clock() - begin < 3600 ? `counted since ${clock(begin).slice(0, 5)}` : "";
}

/** Keep the spoken names of the states true. */
function say(): void {
  for (const node of canvas.drawing?.nodes ?? []) {
    const head = canvas.element({ kind: "state", name: node.state });
    const known = head?.getAttribute("aria-label") ?? "";
    const now = known.replace(/[\d, ]+ calls/, ` ${said(node.state)}`);
    if (head && now !== known) head.setAttribute("aria-label", now);
  }
}

/** The figures that change with time alone. */
function tick(): void {
  if (!paused) part("clock").textContent = connected ? clock(traffic.clock()) : "no connection";
}
