import { html, render } from "lit";
import { count } from "../lib/count";
import { duration } from "../lib/times";
import type { Picture } from "../lib/types";
import type { Standing } from "./traffic";

/** The diagram in words, for those who do not see it: "OnHold, both roles, 3 rows, 26 calls". */
export class Outline {
  constructor(
    private readonly host: HTMLElement,
    private readonly picture: Picture | null,
    private readonly choose: (state: string) => void,
  ) {}

  draw(states: Map<string, Standing>, warm: Map<number, number>, chosen: string): void {
    if (this.host.hidden) return;
    const known = (this.picture?.states ?? []).filter((state) => !state.final);
    const strange = [...states.keys()].filter((name) => !known.some((state) => state.name === name));
    render(
      html`<table class="table dense" data-testid="live-outline"><caption class="vh">States of the flow with their calls</caption>
        <thead><tr><th scope="col">State</th><th scope="col">Role</th><th scope="col" class="num">Rows</th><th scope="col" class="num">Calls</th><th scope="col" class="num">Mean time</th><th scope="col" class="num">Failures, hour</th><th scope="col" class="num">Fired, minute</th></tr></thead>
        <tbody>${[...known.map((state) => this.#row(state.name, roleOf(state.role), state.rows ?? [], states, warm, chosen)), ...strange.map((name) => this.#row(name, "not in this picture", [], states, warm, chosen))]}</tbody></table>`,
      this.host,
    );
  }

  #row(name: string, role: string, rows: number[], states: Map<string, Standing>, warm: Map<number, number>, chosen: string): unknown {
    const here = states.get(name);
    const fired = rows.reduce((sum, row) => sum + (warm.get(row) ?? 0), 0);
    return html`<tr data-testid="outline-${name}" aria-selected=${chosen === name}>
      <td><button class="link" type="button" aria-label=${sentence(name, role, rows.length, here)} @click=${() => this.choose(name)}>${name}</button></td>
      <td class="ink2">${role}</td><td class="num">${rows.length}</td><td class="num"><b>${count(here?.calls ?? 0)}</b></td>
      <td class="num">${here?.calls ? duration(here.dwell) : "–"}</td><td class="num ${here?.failed ? "err" : ""}">${count(here?.failed ?? 0)}</td><td class="num">${count(fired)}</td></tr>`;
  }
}

/** How many calls of this part stand in states that the picture does not have. */
export function undrawn(picture: Picture | null, states: Map<string, Standing>): { calls: number; names: string[] } {
  const known = new Set(picture?.states.map((state) => state.name));
  const found = [...states].filter(([name, here]) => !known.has(name) && here.calls > 0);
  return { calls: found.reduce((sum, [, here]) => sum + here.calls, 0), names: found.map(([name]) => name) };
}

function roleOf(role: string | undefined): string {
  return role === "Both" || role === undefined ? "both roles" : role;
}

function sentence(name: string, role: string, rows: number, here: Standing | undefined): string {
  const calls = here?.calls ?? 0;
  return `${name}, ${role}, ${rows} ${rows === 1 ? "row" : "rows"}, ${calls} ${calls === 1 ? "call" : "calls"}`;
}
