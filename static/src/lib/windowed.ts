/** Where rows of different heights stand in a long list, and which of them are in the window. */
export class Windowed {
  #tops: number[] = [0];

  /** Take the heights of all rows, in pixels. */
  measure(heights: number[]): void {
    this.#tops = [0];
    let top = 0;
    for (const height of heights) this.#tops.push((top += height));
  }

  get count(): number {
    return this.#tops.length - 1;
  }

  get height(): number {
    return this.#tops.at(-1) ?? 0;
  }

  top(row: number): number {
    return this.#tops[row] ?? this.height;
  }

  /** The rows from `first` up to, not with, `last` that meet this stretch, with some beside it. */
  within(from: number, length: number, beside = 8): { first: number; last: number } {
    const first = this.at(from);
    const last = this.at(from + length) + 1;
    return { first: Math.max(0, first - beside), last: Math.min(this.count, last + beside) };
  }

  /** The row at this height. */
  at(y: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#tops[middle] ?? 0) <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  /** Scroll a row into the window of its host, of which `covered` pixels at the top are hidden by what is sticky there. */
  reveal(host: HTMLElement, row: number, covered = 0): void {
    const top = this.top(row);
    const room = host.clientHeight - covered;
    if (top < host.scrollTop) host.scrollTop = Math.max(0, top - room / 4);
    else if (this.top(row + 1) > host.scrollTop + room) host.scrollTop = this.top(row + 1) - (room * 3) / 4;
  }
}
