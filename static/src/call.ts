import "./css/diagram.css";
import "./css/call.css";
import { Acts } from "./call/acts";
import type { CallBoot, Step } from "./call/boot";
import { askUnmask, Copies } from "./call/copies";
import { Ladder, LadderTools } from "./call/ladder";
import { Messages } from "./call/message";
import { CallPicture } from "./call/picture";
import { Replay } from "./call/replay";
import { Sheet } from "./call/sheet";
import { Steps } from "./call/steps";
import { CallStore, classOf, methodOf } from "./call/store";
import { Why } from "./call/why";
import { html } from "lit";
import { announce } from "./lib/announce";
import { boot } from "./lib/boot";
import { openDialog } from "./lib/dialog";
import { element } from "./lib/element";
import { Socket } from "./lib/socket";
import { duration } from "./lib/times";

const ACKNOWLEDGE_EACH = 10;

const data = boot<CallBoot>("boot");
if (!data) throw new Error("The page has no boot data");

const part = (name: string): HTMLElement => element<HTMLElement>(`[data-part="${name}"]`);
const url = (name: string, id: string): string => (data.urls[name] ?? "").replace("{id}", encodeURIComponent(id));
const store = new CallStore(data);
const session = (leg: string): string => store.legOf(leg)?.id ?? store.own.id;

const replay = new Replay(part("replay"), store);
new Steps(part("steps"), store);
const ladder = new Ladder(part("ladder"), store);
new LadderTools(part("tools"), store, ladder, () => store.emit(), () => ({
  methods: [...new Set(store.items.filter((item) => item.kind === "sip").map(methodOf))].filter(Boolean).sort(),
  classes: [...new Set(store.items.filter((item) => item.kind === "sip").map(classOf))].sort(),
}));
const why: Why = new Why(part("why"), store, {
  address: (step) => url("moment", session(step.leg)).replace("{step}", String(step.sequence)),
  drawn: (step) => data.drawings[step.digest],
  editor: (step, query) => (data.can.edit ? `${(data.urls["editor"] ?? "").replace("{flow}", store.legOf(step.leg)?.flow ?? store.own.flow)}?${query}` : null),
  told: () => messages.draw(),
});
const messages: Messages = new Messages(part("panels"), part("panel"), store, {
  address: (leg, message) => `${url("messages", session(leg))}?message=${message}`,
  moment: () => why.moment,
  masked: data.can.masked,
  unmask: data.can.unmask ? () => askUnmask(data.urls["unmask"] ?? "", store.own.flow) : null,
});
new CallPicture(part("canvas"), part("yaml"), store, (digest) => data.drawings[digest]);
new Acts(part("acts"), store, data.urls["send"] ?? "");
new Sheet(part("sheet"), store, (tab) => {
  show("message");
  if (tab === "message") messages.show("message");
  else part("why").scrollIntoView({ block: "start" });
});
new Copies(part("copies"), store, data);

store.on(head);
if (!store.ended) follow();

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as Element;
  if (target.closest('input:not([type="range"]), textarea, select, dialog, .drawer')) return;
  const onButton = target.closest("button, a, summary") !== null;
  if (event.key === ",") replay.move(-1);
  else if (event.key === ".") replay.move(1);
  else if (event.key === "[") replay.faster(-1);
  else if (event.key === "]") replay.faster(1);
  else if (event.key === "?") keys();
  else if (event.key === " " && !onButton) {
    event.preventDefault();
    replay.toggle();
  }
});
for (const tab of document.querySelectorAll<HTMLElement>("[data-tab-of]")) {
  tab.addEventListener("click", () => show(tab.dataset["tabOf"] ?? "steps"));
}
for (const button of document.querySelectorAll<HTMLElement>("[data-view-of]")) {
  button.addEventListener("click", () => {
    part("body").dataset["view"] = button.dataset["viewOf"] ?? "ladder";
    document.querySelector<HTMLElement>(`[data-view-of="${button.dataset["viewOf"] === "diagram" ? "ladder" : "diagram"}"]`)?.focus();
  });
}
window.setInterval(() => head(), 1000);
head();

/** One part at a time, where there is no room for all. */
function show(tab: string): void {
  part("body").dataset["tab"] = tab;
  for (const other of document.querySelectorAll<HTMLElement>("[data-tab-of]")) other.setAttribute("aria-selected", String(other.dataset["tabOf"] === tab));
  store.emit();
}

/** What the head says while the call goes on. */
function head(): void {
  const { own } = store;
  part("count").textContent = String(store.steps.length);
  part("messages").textContent = String(ladder.count);
  if (!store.ended) part("state").textContent = own.state;
  else if (part("chip").classList.contains("live")) part("state").textContent = own.outcome || "over";
  part("chip").classList.toggle("live", !store.ended);
  part("warned").hidden = !store.steps.some((line: Step) => line.kind === "unhandled");
  part("took").textContent = duration((store.ended ? store.end : Date.now() / 1000) - store.began);
}

/** What the keys of this page do. */
function keys(): void {
  const sheet = [[", .", "Step before, next step"], ["Space", "Play or pause"], ["[ ]", "Slower, faster"], ["↑ ↓", "Walk the steps or the rows of the ladder"], ["Home End", "First and last of them"], ["?", "This sheet"]];
  openDialog(() => html`<div class="dialog-head"><h2>Keys of this page</h2></div><div class="dialog-body"><dl class="facts key-sheet">${sheet.map(([key, does]) => html`<dt>${key?.split(" ").map((each) => html`<kbd>${each}</kbd> `)}</dt><dd>${does}</dd>`)}</dl></div><div class="dialog-foot"><button class="btn primary" type="button" data-close data-first>Close</button></div>`, "", "keys-dialog");
}

/** Hear of each step while the call goes on; one that is over stands in the page. */
function follow(): void {
  const socket = new Socket(data?.ws ?? "", {
    frame(frame) {
      const seq = Number(frame["seq"] ?? 0);
      if (seq && seq % ACKNOWLEDGE_EACH === 0) socket.send({ type: "ack", seq });
      store.take(frame);
      if (frame.type === "ended") announce(`The call ended: ${String(frame["outcome"])}`);
    },
  });
}
