import type { Act } from "./acts";
import type { Clip } from "./clip";
import type { Diagram } from "./diagram";
import type { Pencil } from "./pencil";
import type { Store } from "./store";
import type { Views } from "./views";

export interface DiagramMeans {
  store: Store;
  diagram: Diagram;
  pencil: Pencil;
  views: Views;
  clip: Clip;
}

/** What can be done on the diagram, beside the acts of the page. */
export function diagramActs(means: DiagramMeans): Act[] {
  return [...drawing(means), ...lookingAround(means), ...folding(means)];
}

function drawing({ store, diagram, pencil, clip }: DiagramMeans): Act[] {
  const group = "Drawing";
  const edits = (): boolean => store.can.edit;
  const rows = (): boolean => edits() && store.chosen.some((item) => item?.kind === "row");
  const copies = (): boolean => clip.rows.length > 0;
  return [
    { id: "add-state", title: "New state, here by a double click too", group, keys: ["N"], scope: "canvas", run: () => pencil.newState(), can: edits },
    { id: "add-row", title: "New way out of what is selected", group, keys: ["T"], scope: "canvas", run: () => pencil.newRow(), can: edits },
    { id: "retarget", title: "Lead the selected rows elsewhere", group, keys: ["Shift+T"], scope: "canvas", run: () => pencil.retarget(), can: rows },
    { id: "duplicate", title: "Duplicate the selected rows", group, keys: ["Ctrl+D"], scope: "canvas", run: () => void pencil.duplicate(), can: rows },
    { id: "row-up", title: "Move the row up", group, keys: ["Alt+Up"], scope: "canvas", run: () => void pencil.move(-1), can: rows },
    { id: "row-down", title: "Move the row down", group, keys: ["Alt+Down"], scope: "canvas", run: () => void pencil.move(1), can: rows },
    { id: "copy-key", title: "Copy, cut, paste rows, also between flows and into the text", group, keys: ["Ctrl+C", "Ctrl+X", "Ctrl+V"], shown: true },
    { id: "copy", title: "Copy the selected rows as YAML", group, run: () => void clip.copy("copy"), can: copies },
    { id: "cut", title: "Cut the selected rows", group, run: () => void clip.copy("cut"), can: () => edits() && copies() },
    { id: "mark", title: "Select more: Shift click, Shift arrows, Shift drag", group, keys: ["Shift+Arrows"], shown: true },
    { id: "leave", title: "Select nothing", group, keys: ["Esc"], scope: "canvas", run: () => void (diagram.canvas.cancel() || diagram.forget() || store.select(null, "canvas")) },
  ];
}

function lookingAround({ store, diagram, pencil, views }: DiagramMeans): Act[] {
  const group = "Looking around";
  const some = (): boolean => store.chosen.length > 0;
  const { canvas } = diagram;
  return [
    { id: "go-to", title: "Go to a state or row by its name", group, keys: ["G"], scope: "canvas", run: () => pencil.goTo() },
    { id: "back", title: "Back to what was selected before", group, keys: ["Alt+Left"], scope: "canvas", run: () => diagram.back() },
    { id: "forward", title: "Forward again", group, keys: ["Alt+Right"], scope: "canvas", run: () => diagram.forward() },
    { id: "fit-selection", title: "Show the selection as large as it fits", group, keys: ["Shift+2"], scope: "canvas", run: () => canvas.fitTo(store.chosen), can: some },
    { id: "focus", title: "Keep 1, 2, 3 steps around the selection bright", group, keys: ["F"], scope: "canvas", run: () => views.focus() },
    { id: "way", title: "Way between two states", group, keys: ["P"], scope: "canvas", run: () => pencil.way(), can: some },
    { id: "pan", title: "Move the picture", group, keys: ["Space+drag"], shown: true },
  ];
}

function folding({ store, diagram, views }: DiagramMeans): Act[] {
  const group = "Folding";
  const groups = (): boolean => (views.drawn?.groups.length ?? 0) > 0;
  const own = (): string => store.state(diagram.states[0] ?? "")?.group ?? "";
  return [
    { id: "fold-group", title: "Fold the group of the selection", group, keys: ["C"], scope: "canvas", run: () => views.toggle(own()), can: () => own() !== "" },
    { id: "fold-all", title: "Fold all groups, or open them", group, keys: ["Shift+C"], scope: "canvas", run: () => views.foldAll(), can: groups },
    { id: "failures", title: "Fold failures, or draw their edges", group, keys: ["E"], scope: "canvas", run: () => views.failures() },
    { id: "rows", title: "Draw states without their rows, or with them", group, keys: ["R"], scope: "canvas", run: () => views.rows() },
    { id: "as-it-opens", title: "Draw it as it opens", group, run: () => views.reset(), can: () => views.drawn?.usual === false },
  ];
}
