import { RangeSet, StateEffect, StateField, type Extension, type Range } from "@codemirror/state";
import { Decoration, EditorView, gutterLineClass, GutterMarker, type DecorationSet } from "@codemirror/view";

/** First and last line (1-based) of what is selected on the page, or null. */
export const choose = StateEffect.define<{ from: number; to: number } | null>();

const line = Decoration.line({ class: "cm-chosen" });

class ChosenMarker extends GutterMarker {
  override elementClass = "cm-chosen-gutter";
}

const marker = new ChosenMarker();

const lines = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(set, transaction) {
    let next = set.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(choose)) continue;
      const marks: Range<Decoration>[] = [];
      if (effect.value) {
        const last = Math.min(effect.value.to, transaction.state.doc.lines);
        for (let at = Math.max(1, effect.value.from); at <= last; at += 1) marks.push(line.range(transaction.state.doc.line(at).from));
      }
      next = Decoration.set(marks);
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const gutter = gutterLineClass.compute([lines], (state) => {
  const marks: Range<GutterMarker>[] = [];
  state.field(lines).between(0, state.doc.length, (from) => void marks.push(marker.range(from)));
  return RangeSet.of(marks);
});

/** Marks the lines of the row or state under the page's cursor. */
export const chosenLines: Extension = [lines, gutter];
