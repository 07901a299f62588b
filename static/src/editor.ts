import "./css/diagram.css";
import "./css/editor.css";
import "./css/merge.css";
import "./css/simulate.css";
import { Actions } from "./editor/actions";
import { Acts } from "./editor/acts";
import { addRow, addState, rowBegun } from "./editor/add-dialogs";
import { Begin } from "./editor/begin";
import type { EditorBoot } from "./editor/boot";
import { CheckLine } from "./editor/check-line";
import { deployDialog } from "./editor/deploy-dialog";
import { Clip } from "./editor/clip";
import { Diagram } from "./editor/diagram";
import { diagramActs } from "./editor/diagram-acts";
import { DrawNote } from "./editor/draw-note";
import { exportActs } from "./editor/export";
import { Fires } from "./editor/fires";
import { Inspector } from "./editor/inspector";
import { keysDialog } from "./editor/keys-dialog";
import { Layout } from "./editor/layout";
import { Link } from "./editor/link";
import { Matrix } from "./editor/matrix";
import { Outline } from "./editor/outline";
import { matrixActs, pageActs } from "./editor/page-acts";
import { openPalette } from "./editor/palette";
import { Pencil } from "./editor/pencil";
import { Presence } from "./editor/presence";
import { Problems } from "./editor/problems";
import { receive } from "./editor/receive";
import { Recovery } from "./editor/recovery";
import { saveDialog } from "./editor/save-dialog";
import { shortcuts } from "./editor/shortcuts";
import { snippetActs } from "./editor/snippets";
import { Store } from "./editor/store";
import { Topbar } from "./editor/topbar";
import { TraceChip } from "./editor/trace-chip";
import { Views } from "./editor/views";
import { Yaml } from "./editor/yaml";
import { note, noted } from "./lib/address";
import { boot } from "./lib/boot";
import { digest } from "./lib/digest";
import { element } from "./lib/element";
import { Kept } from "./lib/kept";
import { fromHash } from "./lib/selection";
import { splits } from "./lib/splits";
import { MergePanel } from "./merge/panel";
import { Simulate } from "./simulate/mode";

const data = boot<EditorBoot>("boot");
if (!data) throw new Error("The page has no boot data");

const part = (name: string): HTMLElement => element<HTMLElement>(`[data-part="${name}"]`);
const store = new Store(data);

const fires = new Fires(store, () => inspector.draw());
const yamlHost = part("yaml");
yamlHost.replaceChildren();
const yaml = new Yaml(
  yamlHost,
  { text: data.text, editable: data.can.edit, palette: data.palette, picture: () => store.picture, fired: (line) => fires.note(line) },
  {
    typed: (text) => {
      link.text(text);
      recovery.typed(text);
      compare();
    },
    moved: (line, column) => {
      part("place").textContent = `Ln ${line}, Col ${column}`;
      if (yaml.focused && store.compiles) store.select(store.at(line), "yaml");
    },
    fix: (finding) => problems.offer(finding),
  },
);

const link = new Link(data.ws + location.search, () => yaml.text, {
  frame: (frame) => receive(frame, store, yaml),
  connection: (connected) => {
    store.connected = connected;
    store.emit("connection");
    store.emit("pending");
  },
  held: () => {
    store.canUndo = true;
    store.emit("document");
  },
  restore: (text) => {
    yaml.replace(text);
    compare();
  },
}, data.text);
const actions = new Actions(store, link);

const inspector = new Inspector(part("inspector"), store, actions, fires, () => addRow(store, actions), (finding) => problems.offer(finding), () => (canvas.host.offsetParent ? canvas.focus() : document.querySelector<HTMLElement>('[role="gridcell"][tabindex="0"]')?.focus()));
const zoom = part("zoom");
const diagram = new Diagram({ host: part("canvas"), banner: part("banner"), minimap: part("minimap") }, store, {
  open: () => inspector.focus(),
  zoomed: (percent) => {
    zoom.textContent = `${percent} %`;
  },
  double: (selection, at) => {
    if (selection?.kind === "row") inspector.focus();
    else if (selection) pencil.rename(selection.name);
    else if (data.can.edit) pencil.newState(canvas.camera.toPicture(at.x, at.y));
  },
  pulled: (pull, state, at) => pencil.pulled(pull, state, at),
  unfold: (group) => views.toggle(group),
  drawn: (form) => drawNote.form(form),
});
const canvas = diagram.canvas;
new Outline(part("outline"), element<HTMLInputElement>('[data-part="find"]'), store, part("snippets"));
const pencil = new Pencil(store, actions, diagram, () => addState(store, actions));
const views = new Views(part("views"), store, link, () => diagram.decorate());
new Begin(part("begin"), store);
const drawNote = new DrawNote(part("draw-note"), store, () => views);
diagram.hops = () => views.hops;
/** Whether keys and the clipboard mean the diagram. */
const onCanvas = (): boolean => canvas.svg.contains(document.activeElement) || document.activeElement === document.body;
const clip = new Clip(store, actions, () => yaml.text, onCanvas);
const problems = new Problems(part("problems"), part("problem"), part("counts"), store, actions, (finding) => yaml.goto(finding.line, finding.column));
new CheckLine(part("check"), store, actions);
new TraceChip(part("trace"), store);
new Topbar(
  {
    chip: part("chip"),
    merge: part("merge"),
    note: part("note"),
    saved: part("saved"),
    undo: part("undo"),
    redo: part("redo"),
    people: part("people"),
    save: part("save"),
    deploy: document.querySelector<HTMLElement>('[data-part="deploy"]'),
    review: element<HTMLAnchorElement>('[data-part="review"]'),
  },
  store,
);

const layout = new Layout(element<HTMLElement>("#main"), data.user);
const letters = new Kept(data.user, "letters", true);
/** Everything that can be done here: buttons, keys, the palette and the sheet of keys share it. */
const acts = new Acts();
acts.add(
  ...pageActs({
    store,
    actions,
    canvas,
    layout,
    save: () => saveDialog(store, actions, () => deployDialog(store, actions)),
    deploy: () => deployDialog(store, actions),
    addState: () => addState(store, actions),
    addRow: () => addRow(store, actions),
    rename,
    edit: () => inspector.focus(),
    find: () => {
      part("outline-panel").classList.add("open");
      part("find").focus();
    },
    problem: (by) => problems.step(by),
    panels: () => {
      layout.bare();
      canvas.fit();
    },
    outline: () => void part("outline-panel").classList.toggle("open"),
    keys: () => keysDialog(acts, letters),
    palette: () => openPalette(acts, store),
    role: show,
  }),
);
const matrix = new Matrix(part("matrix"), store, actions, layout);
acts.add(...matrixActs(matrix, store), ...snippetActs(store, actions), ...problems.player.acts());
const merge = new MergePanel(element<HTMLElement>("#main"), store, (frame) => link.ask(frame), () => void actions.undo());
const stale = (): boolean => data.can.edit && store.latest !== null && (store.base?.number ?? 0) < store.latest.number;
acts.add({ id: "merge", title: "Merge with the newer version", group: "Document", run: () => void merge.open(), can: stale });
const presence = new Presence(store, canvas, (frame) => link.tell(frame), (others) => yaml.seat(others));
store.heard = (frame) => presence.heard(frame);
const recovery = new Recovery(part("recovery"), store, {
  unsent: () => link.unsent,
  ask: (frame) => link.ask(frame),
  text: () => yaml.text,
  put: (text) => {
    yaml.replace(text);
    link.text(text);
    compare();
  },
});
const simulate = new Simulate(store, diagram, acts, (frame) => link.ask(frame));
problems.follow = (trace) => void simulate.follow(trace);
acts.add(...diagramActs({ store, diagram, pencil, views, clip }), ...exportActs(store, canvas));
acts.wire(document);
shortcuts(acts, canvas.svg, letters);
for (const button of document.querySelectorAll<HTMLElement>("[data-role-filter]")) {
  button.addEventListener("click", () => show(button.dataset["roleFilter"] as Store["role"]));
}
for (const tab of document.querySelectorAll<HTMLElement>("[data-dock-tab]")) {
  tab.addEventListener("click", () => {
    part("dock").dataset["tab"] = tab.dataset["dockTab"] ?? "problems";
    for (const other of document.querySelectorAll("[data-dock-tab]")) other.setAttribute("aria-selected", String(other === tab));
  });
}

store.on(["pending", "connection"], () => yaml.lock(store.pending));
store.on(["document"], () => {
  yaml.findings(store.shown);
  mark(false);
  compare();
});
store.on(["check"], () => yaml.findings(store.shown));
store.on(["selection"], () => mark(store.source !== "yaml"));
window.addEventListener("hashchange", () => store.select(fromHash(location.hash), "address"));
yaml.findings(store.findings);
splits();
const role = noted("role");
if (role === "UAC" || role === "UAS") show(role);
if (location.hash) store.select(fromHash(location.hash), "address");
compare();
beginRow();

/** A link from a call asks for a row: select its state and open the question, once. */
function beginRow(): void {
  const begun = data?.can.edit ? rowBegun(new URLSearchParams(location.search)) : null;
  if (!begun) return;
  for (const name of ["add", "state", "event", "as"]) note(name, null);
  if (store.state(begun.state)) store.select({ kind: "state", name: begun.state }, "address");
  addRow(store, actions, begun);
}

/** Show what one role takes; the rest steps back. */
function show(role: Store["role"]): void {
  store.role = role;
  for (const button of document.querySelectorAll<HTMLElement>("[data-role-filter]")) {
    button.setAttribute("aria-checked", String(button.dataset["roleFilter"] === role));
  }
  store.emit("role");
}

/** Go to the name of the selected state, or of the state that the selected row leaves. */
function rename(): void {
  if (pencil.rename()) return;
  if (store.selection?.kind === "row") {
    const from = store.row(store.selection.index)?.from_state;
    if (from && store.state(from)) store.select({ kind: "state", name: from }, "inspector");
  }
  const field = document.querySelector<HTMLInputElement>("#state-name");
  field?.focus();
  field?.select();
}

/** Show the lines of the selection in the YAML. */
function mark(reveal: boolean): void {
  const selection = store.selection;
  const row = selection?.kind === "row" ? store.row(selection.index) : undefined;
  const state = selection?.kind === "state" ? store.state(selection.name) : undefined;
  const lines = row ? { from: row.line, to: row.end_line } : state?.declared ? { from: state.line, to: state.line } : null;
  yaml.mark(store.compiles ? lines : null, reveal && store.source !== "problems");
}

/** Find out whether the draft differs from the version it began with. */
function compare(): void {
  const base = store.base;
  const text = yaml.text;
  void digest(text).then((own) => {
    if (yaml.text !== text) return;
    store.know(own);
    const changed = own === null || base === null ? null : own !== base.digest;
    if (changed === store.changed) return;
    store.changed = changed;
    store.emit("deployment");
  });
}
