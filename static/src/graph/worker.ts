import { Graphviz } from "@hpcc-js/wasm-graphviz";
import type { Drawing } from "./drawing";
import { parse } from "./parse";

export interface DrawRequest {
  id: number;
  dot: string;
}

export type DrawAnswer = { id: number; drawing: Drawing } | { id: number; error: string } | { ready: true };

const loading = Graphviz.load();
void loading.then(() => postMessage({ ready: true } satisfies DrawAnswer));

onmessage = async (message: MessageEvent<DrawRequest>) => {
  const { id, dot } = message.data;
  const graphviz = await loading;
  try {
    // Read here as well: a large picture is a million characters, which the page must not wait for.
    postMessage({ id, drawing: parse(graphviz.layout(dot, "svg", "dot")) } satisfies DrawAnswer);
  } catch (fault) {
    postMessage({ id, error: String(fault) } satisfies DrawAnswer);
  }
};
