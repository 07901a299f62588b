import type { Canvas } from "../graph/canvas";
import type { Actions } from "./actions";
import type { Act } from "./acts";
import type { Layout } from "./layout";
import type { Matrix } from "./matrix";
import { regions } from "./shortcuts";
import type { Store } from "./store";

/** What the acts of the page reach for. */
export interface Means {
  store: Store;
  actions: Actions;
  canvas: Canvas;
  layout: Layout;
  save(): void;
  deploy(): void;
  addState(): void;
  addRow(): void;
  rename(): void;
  edit(): void;
  find(): void;
  problem(by: number): void;
  panels(): void;
  outline(): void;
  keys(): void;
  palette(): void;
  role(role: Store["role"]): void;
}

/** The acts of the page itself; panels add their own. */
export function pageActs(means: Means): Act[] {
  return [...documentActs(means), ...drawingActs(means), ...viewActs(means), ...walkActs(means), ...helpActs(means)];
}

function documentActs({ store, actions, save, deploy }: Means): Act[] {
  const group = "Document";
  const edits = (): boolean => store.can.edit;
  return [
    { id: "undo", title: "Undo", group, keys: ["Ctrl+Z"], scope: "anywhere", run: () => void actions.undo(), can: edits },
    { id: "redo", title: "Do again", group, keys: ["Ctrl+Y", "Ctrl+Shift+Z"], scope: "anywhere", run: () => void actions.redo(), can: edits },
    { id: "save", title: "Save a version…", group, keys: ["Ctrl+S"], scope: "anywhere", run: save, can: () => store.can.save },
    { id: "format", title: "Put the text in order", group, keys: ["Shift+Alt+F"], scope: "anywhere", run: () => void actions.edit("format", {}), can: edits },
    { id: "deploy", title: "Deploy…", group, run: deploy, can: () => store.can.deploy && store.latest !== null },
    { id: "review", title: "Request a review…", group, run: () => location.assign(`${store.urls["reviews"] ?? ""}?version=${store.latest?.number ?? ""}#new`), can: () => Boolean(store.can.ask) && store.latest !== null },
    { id: "reviews", title: "Reviews of this flow", group, run: () => location.assign(store.urls["reviews"] ?? "") },
    { id: "discard", title: "Go back to the newest version", group, run: () => void actions.discard(), can: () => edits() && store.changed === true && store.base !== null },
    { id: "versions", title: "Versions of this flow", group, run: () => location.assign(store.urls["versions"] ?? "") },
    { id: "live", title: "Watch live calls", group, run: () => location.assign(store.urls["live"] ?? "") },
  ];
}

function drawingActs({ store, actions, canvas, addState, addRow, rename, edit }: Means): Act[] {
  const group = "Drawing";
  const edits = (): boolean => store.can.edit;
  const chosen = (): boolean => edits() && store.selection !== null;
  return [
    { id: "add-state", title: "New state…", group, keys: ["N"], scope: "canvas", run: addState, can: edits },
    { id: "add-row", title: "New row from what is selected…", group, keys: ["T"], scope: "canvas", run: addRow, can: edits },
    { id: "rename", title: "Rename the state", group, keys: ["F2"], scope: "page", run: rename },
    { id: "edit", title: "Edit what is selected", group, keys: ["Enter"], shown: true, run: edit },
    { id: "remove", title: "Delete what is selected", group, keys: ["Del", "Backspace"], scope: "canvas", run: () => void actions.remove(), can: chosen },
    { id: "walk", title: "Walk rows; right follows an edge, left goes back", group, keys: ["Arrows"], shown: true },
    { id: "zoom-in", title: "Larger", group, keys: ["+", "="], scope: "canvas", run: () => canvas.zoom(1.2) },
    { id: "zoom-out", title: "Smaller", group, keys: ["-"], scope: "canvas", run: () => canvas.zoom(1 / 1.2) },
    { id: "full", title: "Life size", group, keys: ["Shift+0"], scope: "canvas", run: () => canvas.full() },
    { id: "fit", title: "Show all of it", group, keys: ["Shift+1"], scope: "canvas", run: () => canvas.fit() },
    { id: "leave", title: "Select nothing", group, keys: ["Esc"], scope: "canvas", run: () => store.select(null, "canvas") },
  ];
}

function viewActs({ layout, panels, outline, role }: Means): Act[] {
  const group = "Views";
  return [
    { id: "view-diagram", title: "Diagram", group, keys: ["Alt+1"], scope: "anywhere", run: () => layout.show("diagram") },
    { id: "view-matrix", title: "Matrix: states and events", group, keys: ["Alt+2"], scope: "anywhere", run: () => layout.show("matrix") },
    { id: "view-split", title: "Diagram and matrix", group, keys: ["Alt+3"], scope: "anywhere", run: () => layout.show("split") },
    { id: "cycle", title: "Text below, text alone, no text", group, keys: ["Ctrl+\\"], scope: "anywhere", run: () => layout.cycle() },
    { id: "panels", title: "Hide or show all panels", group, keys: ["Ctrl+."], scope: "anywhere", run: panels },
    { id: "outline", title: "Open or close the outline", group, run: outline },
    { id: "role-all", title: "Show the rows of all roles", group, run: () => role("all") },
    { id: "role-UAC", title: "Show what the caller's side (UAC) takes", group, run: () => role("UAC") },
    { id: "role-UAS", title: "Show what the called side (UAS) takes", group, run: () => role("UAS") },
  ];
}

function walkActs({ find, problem }: Means): Act[] {
  const group = "Finding the way";
  return [
    { id: "find", title: "Find a state, row or event", group, keys: ["/"], run: find },
    { id: "next-problem", title: "Next problem", group, keys: ["F8"], scope: "anywhere", run: () => problem(1) },
    { id: "previous-problem", title: "Problem before", group, keys: ["Shift+F8"], scope: "anywhere", run: () => problem(-1) },
    { id: "next-region", title: "Next region of the page", group, keys: ["F6"], scope: "anywhere", run: () => regions(1) },
    { id: "previous-region", title: "Region before", group, keys: ["Shift+F6"], scope: "anywhere", run: () => regions(-1) },
    { id: "definition", title: "In the text: where this name is declared (Ctrl and click too)", group, keys: ["F12"], shown: true },
    { id: "uses", title: "In the text: where this word is used", group, keys: ["Shift+F12"], shown: true },
    { id: "complete", title: "In the text: what may stand here", group, keys: ["Ctrl+Space"], shown: true },
    { id: "leave-text", title: "Leave the text with the keyboard: Esc, then Tab", group, keys: ["Esc+Tab"], shown: true },
  ];
}

function helpActs({ keys, palette }: Means): Act[] {
  const group = "Help";
  return [
    { id: "palette", title: "Find anything: acts, states, rows, flows, rules", group, keys: ["Ctrl+K"], scope: "anywhere", run: palette },
    { id: "keys", title: "Keys of this page", group, keys: ["?"], run: keys },
  ];
}

/** The acts of the matrix. */
export function matrixActs(matrix: Matrix, store: Store): Act[] {
  const group = "Matrix";
  const shown = (): boolean => matrix.shown;
  const edits = (): boolean => shown() && store.can.edit;
  return [
    { id: "next-missing", title: "Next cell that lacks a row", group, keys: ["Alt+M"], scope: "anywhere", run: () => matrix.nextMissing(), can: shown },
    { id: "matrix-all", title: "Show all events, or those of this flow", group, run: () => matrix.toggleAll(), can: shown },
    { id: "paste-block", title: "Paste a block of cells from CSV…", group, run: () => matrix.askPaste(), can: edits },
    { id: "cell-edit", title: "Write the target; a letter begins too", group, keys: ["Enter", "F2"], shown: true },
    { id: "cell-edge", title: "To the edge of what is filled; with Shift choose a block", group, keys: ["Ctrl+Arrows"], shown: true },
    { id: "cell-copy", title: "Copy, cut, paste a block", group, keys: ["Ctrl+C", "Ctrl+V"], shown: true },
    { id: "cell-fill", title: "Copy the first line of the block down", group, keys: ["Ctrl+D"], shown: true },
  ];
}
