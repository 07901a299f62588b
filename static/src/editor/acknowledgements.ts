import { html, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import type { DeploymentFrame } from "./document";

/** Which node runs exactly which hash, and how long its load took. */
export function acknowledgements(deployment: DeploymentFrame): TemplateResult {
  if (!deployment.nodes.length) {
    return html`<div class="ack" data-testid="ack-waiting">${icon("clock", "warn")}<span class="grow">Waiting for a node to load ${deployment.digest.slice(0, 12)}</span></div>`;
  }
  return html`<div class="acks">${deployment.nodes.map((node) => {
    if (node.state === "waiting" || node.state === "lost") {
      const since = `${Math.round(node.seconds ?? 0)} s`;
      return html`<div class="ack" data-testid="ack" data-digest="">${icon(node.state === "lost" ? "error" : "clock", node.state === "lost" ? "err" : "warn")}
        <span class="grow"><b>${node.node}</b> ${node.state === "lost" ? `is lost: nothing heard for ${since}` : `has not answered for ${since}`}</span></div>`;
    }
    const right = !node.error && node.digest === deployment.digest;
    return html`<div class="ack" data-testid="ack" data-digest=${node.digest}>${icon(right ? "check" : "error", right ? "ok" : "err")}
      <span class="grow">${right
        ? html`<b>${node.node}</b> runs <span class="mono">${node.digest.slice(0, 12)}</span>, loaded in <b>${loaded(node.milliseconds)}</b>`
        : html`<b>${node.node}</b> did not load it: ${node.error ?? "it runs another hash"}. Calls go on with the version before.`}</span></div>`;
  })}</div>`;
}

function loaded(milliseconds: number | null): string {
  return milliseconds === null ? "a moment" : `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}
