/** One element of an SVG text. A worker has no DOM, and Graphviz writes a plain dialect, so little is needed to read it. */
export class Tag {
  readonly children: Tag[] = [];
  text = "";

  constructor(
    readonly name: string,
    private readonly written: string,
    readonly parent: Tag | null,
  ) {}

  get(attribute: string): string | null {
    const found = new RegExp(`(?:^|\\s)${attribute}="([^"]*)"`).exec(this.written);
    return found ? decode(found[1] ?? "") : null;
  }

  /** The nearest element of this name around, or this one. */
  closest(name: string): Tag | null {
    for (let tag: Tag | null = this; tag; tag = tag.parent) if (tag.name === name) return tag;
    return null;
  }

  /** All elements of these names inside, in the order of the text. */
  all(...names: string[]): Tag[] {
    const found: Tag[] = [];
    const visit = (tag: Tag): void => {
      for (const child of tag.children) {
        if (names.includes(child.name)) found.push(child);
        visit(child);
      }
    };
    visit(this);
    return found;
  }

  first(name: string): Tag | null {
    return this.all(name)[0] ?? null;
  }
}

const PARTS = /<!--[\s\S]*?-->|<[!?][^>]*>|<\/[\w:]+\s*>|<([\w:]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>|([^<]+)/g;

/** Read an SVG text into its elements; comments and declarations are passed over. */
export function readMarkup(text: string): Tag {
  const root = new Tag("", "", null);
  let open: Tag = root;
  for (const part of text.matchAll(PARTS)) {
    const [all, name, attributes, closed, words] = part;
    if (words !== undefined) open.text += decode(words);
    else if (name !== undefined) {
      const tag = new Tag(name, attributes ?? "", open);
      open.children.push(tag);
      if (!closed) open = tag;
    } else if (all.startsWith("</")) open = open.parent ?? root;
  }
  return root.children[0] ?? root;
}

const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decode(text: string): string {
  return text.includes("&") ? text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex?: string, number?: string, name?: string) => {
    if (name) return NAMED[name] ?? all;
    const code = hex ? parseInt(hex, 16) : Number(number);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  }) : text;
}
