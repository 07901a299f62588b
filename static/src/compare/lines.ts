import type { RowMark } from "./marks";

/** First and last line of each row of either text. */
export interface RowLines {
  old: [number, number][];
  new: [number, number][];
}

/** Mark the lines of a row in the difference of the texts, and bring the first of them into its window. */
export function markLines(row: RowMark | null, lines: RowLines): void {
  const all = document.querySelectorAll<HTMLTableRowElement>(".diff tr");
  const old = row?.old == null ? undefined : lines.old[row.old];
  const fresh = row?.new == null ? undefined : lines.new[row.new];
  let first: HTMLTableRowElement | null = null;
  for (const line of all) {
    const chosen = within(line.dataset["old"], old) || within(line.dataset["new"], fresh);
    line.classList.toggle("chosen", chosen);
    if (chosen) first ??= line;
  }
  const window = first?.closest<HTMLElement>(".diff-scroll");
  if (!first || !window) return;
  // Only the list of lines scrolls, never the page.
  window.scrollTop = first.offsetTop - window.clientHeight / 3;
}

function within(line: string | undefined, range: [number, number] | undefined): boolean {
  return Boolean(line) && range !== undefined && Number(line) >= range[0] && Number(line) <= range[1];
}
