import { StateEffect, StateField, type Extension } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, type DecorationSet } from "@codemirror/view";

/** Somebody's mark at the end of a line. */
export interface Guest {
  line: number;
  initials: string;
  name: string;
}

export const seat = StateEffect.define<Guest[]>();

class Flag extends WidgetType {
  constructor(private readonly guest: Guest) {
    super();
  }

  override eq(other: Flag): boolean {
    return other.guest.initials === this.guest.initials && other.guest.name === this.guest.name;
  }

  override toDOM(): HTMLElement {
    const flag = document.createElement("span");
    flag.className = "guest";
    flag.textContent = this.guest.initials;
    flag.title = `${this.guest.name} is here`;
    return flag;
  }
}

const flags = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(set, transaction) {
    let next = set.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(seat)) continue;
      const doc = transaction.state.doc;
      const marks = effect.value
        .filter((guest) => guest.line >= 1 && guest.line <= doc.lines)
        .sort((a, b) => a.line - b.line)
        .map((guest) => Decoration.widget({ widget: new Flag(guest), side: 1 }).range(doc.line(guest.line).to));
      next = Decoration.set(marks);
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Shows who else is on which line; it only tells, it locks nothing. */
export const guests: Extension = flags;
