import { html, render, type TemplateResult } from "lit";

const PARTS = /^(\s*(?:- )?)([\w.*-]+)(:)(\s.*|$)|^(.*)$/;

/** A text that is only read: numbered lines, keys and comments told apart, some lines marked. */
export class YamlView {
  readonly #lines: string[];
  #marked: { from: number; to: number } | null = null;

  constructor(
    private readonly host: HTMLElement,
    text: string,
  ) {
    this.#lines = text.replace(/\r\n/g, "\n").split("\n");
    host.replaceChildren();
    host.classList.add("yaml-view");
    host.tabIndex = 0;
    host.setAttribute("role", "region");
    host.setAttribute("aria-label", "YAML of the version");
    this.#draw();
  }

  /** Mark these lines (1-based, inclusive) and show the first of them. */
  mark(lines: { from: number; to: number } | null): void {
    this.#marked = lines;
    this.#draw();
    if (!lines) return;
    const first = this.host.querySelectorAll<HTMLElement>(".yl")[lines.from - 1];
    if (first) this.host.scrollTop = Math.max(0, first.offsetTop - this.host.clientHeight / 2);
  }

  #draw(): void {
    render(
      this.#lines.map((line, at) => this.#line(line, at + 1)),
      this.host,
    );
  }

  #line(line: string, number: number): TemplateResult {
    const chosen = this.#marked !== null && number >= this.#marked.from && number <= this.#marked.to;
    return html`<div class="yl ${chosen ? "chosen" : ""}"><span class="yn">${number}</span><code>${colour(line)}</code></div>`;
  }
}

function colour(line: string): TemplateResult {
  if (/^\s*#/.test(line)) return html`<span class="yc">${line}</span>`;
  const parts = PARTS.exec(line);
  if (!parts?.[2]) return html`${line || " "}`;
  return html`${parts[1]}<span class="yk">${parts[2]}</span>${parts[3]}${parts[4]}`;
}
