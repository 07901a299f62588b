import { html } from "lit";
import { openDialog } from "../lib/dialog";

const KEYS: [string, string][] = [
  ["Ctrl Z", "Undo, wherever the focus is"],
  ["Ctrl Y", "Do again (Ctrl Shift Z too)"],
  ["Ctrl S", "Save a version (the draft keeps itself)"],
  ["N", "New state"],
  ["T", "New row from what is selected"],
  ["F2", "Rename the state"],
  ["Enter", "Edit what is selected"],
  ["Del", "Delete what is selected"],
  ["Arrows", "Walk rows; right follows an edge, left goes back"],
  ["+ −", "Zoom; Shift 0 life size, Shift 1 all of it"],
  ["/", "Find a state, row or event"],
  ["F8", "Next problem, Shift F8 the one before"],
  ["F6", "Next region of the page"],
  ["Ctrl .", "Hide all panels"],
  ["Esc Tab", "Leave the YAML with the keyboard"],
];

/** Show the keys of this page. */
export function keysDialog(): void {
  openDialog(
    () => html`<div class="dialog-head"><h2>Keys of this page</h2></div>
      <div class="dialog-body"><dl class="keys">${KEYS.map(([key, act]) => html`<dt>${key.split(" ").map((part) => html`<kbd>${part}</kbd>`)}</dt><dd>${act}</dd>`)}</dl>
      <p class="hint small">Single letters work while the diagram has the focus.</p></div>
      <div class="dialog-foot"><button class="btn" type="button" data-close data-first>Close</button></div>`,
  );
}
