import { html, render } from "lit";
import { versionOf } from "./calls";
import { MEASURES, type Measure } from "./scales";
import type { Part, Traffic } from "./traffic";

const MOST_VERSIONS = 3;

/** What of the traffic the picture shows: which measure, which version, which role. Kept in the address. */
export class View {
  measure: Measure = "sessions";
  readonly part: Part = { digest: "", role: "" };
  #drawn = "";

  constructor(
    private readonly host: HTMLElement,
    private readonly traffic: Traffic,
    private readonly changed: () => void,
  ) {
    const asked = new URLSearchParams(location.search);
    this.measure = MEASURES.find((each) => each.key === asked.get("heat"))?.key ?? "sessions";
    this.part.role = ["UAC", "UAS"].find((role) => role === asked.get("role")) ?? "";
    const number = Number(asked.get("version"));
    const digest = Object.entries(traffic.numbers).find(([, each]) => each === number)?.[0];
    if (number && digest) this.part.digest = digest;
  }

  draw(): void {
    const versions = this.#versions();
    const key = JSON.stringify([versions.map(versionOf), this.measure, this.part]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const all = versions.length === 2 ? "Both versions" : "All versions";
    render(
      html`<div class="seg small" role="group" aria-label="Heat">${MEASURES.map((each) => this.#button(each.label, this.measure === each.key, `heat-${each.key}`, () => (this.measure = each.key)))}</div>
        <div class="seg small" role="group" aria-label="Versions">${this.#button(all, this.part.digest === "", "version-all", () => (this.part.digest = ""))}${versions.map((each) => this.#button(versionOf(each), this.part.digest === each.digest, `version-${versionOf(each)}`, () => (this.part.digest = each.digest)))}</div>
        <div class="seg small live-roles" role="group" aria-label="Roles">${[["", "Both roles"], ["UAC", "UAC"], ["UAS", "UAS"]].map(([role = "", label = ""]) => this.#button(label, this.part.role === role, `role-${role || "all"}`, () => (this.part.role = role)))}</div>`,
      this.host,
    );
  }

  /** The versions that have calls, and the deployed one; the newest few. */
  #versions(): { digest: string; number: number | null }[] {
    const { deployed } = this.traffic;
    const found = this.traffic.versions().map(({ digest, number }) => ({ digest, number }));
    for (const { digest, number } of [deployed, this.#chosen()].filter((each) => each !== null)) {
      if (!found.some((each) => each.digest === digest)) found.push({ digest, number });
    }
    const newest = found.sort((a, b) => (b.number ?? 0) - (a.number ?? 0)).slice(0, MOST_VERSIONS);
    const chosen = found.find((each) => each.digest === this.part.digest);
    if (chosen && !newest.includes(chosen)) newest.push(chosen);
    return newest.reverse();
  }

  #chosen(): { digest: string; number: number | null } | null {
    const { digest } = this.part;
    return digest ? { digest, number: this.traffic.numbers[digest] ?? null } : null;
  }

  #button(label: string, pressed: boolean, id: string, choose: () => unknown): unknown {
    return html`<button type="button" aria-pressed=${pressed} data-testid=${id} @click=${() => {
      choose();
      this.#keep();
      this.changed();
    }}>${label}</button>`;
  }

  #keep(): void {
    const asked = new URLSearchParams();
    if (this.measure !== "sessions") asked.set("heat", this.measure);
    const number = this.traffic.numbers[this.part.digest];
    if (number) asked.set("version", String(number));
    if (this.part.role) asked.set("role", this.part.role);
    history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
  }
}
