import { Graphviz } from "@hpcc-js/wasm-graphviz";

export interface DrawRequest {
  id: number;
  dot: string;
}

export type DrawAnswer = { id: number; svg: string } | { id: number; error: string } | { ready: true };

const loading = Graphviz.load();
void loading.then(() => postMessage({ ready: true } satisfies DrawAnswer));

onmessage = async (message: MessageEvent<DrawRequest>) => {
  const { id, dot } = message.data;
  const graphviz = await loading;
  try {
    postMessage({ id, svg: graphviz.layout(dot, "svg", "dot") } satisfies DrawAnswer);
  } catch (fault) {
    postMessage({ id, error: String(fault) } satisfies DrawAnswer);
  }
};
