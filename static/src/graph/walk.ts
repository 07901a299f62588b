/** Where an arrow key leads from a state or row of the picture; null where it leads nowhere. */
export function step(view: Element, item: SVGGElement, key: string): SVGGElement | null {
  const inside = [...(item.closest(".node")?.querySelectorAll<SVGGElement>(".item") ?? [])];
  const at = inside.indexOf(item);
  if (key === "ArrowDown") return inside[at + 1] ?? neighbour(view, item, 1);
  if (key === "ArrowUp") return inside[at - 1] ?? neighbour(view, item, -1);
  if (key === "ArrowRight") return along(view, item, true);
  if (key === "ArrowLeft") return along(view, item, false);
  if (key === "Home") return view.querySelector<SVGGElement>(".item");
  if (key === "End") return [...view.querySelectorAll<SVGGElement>(".head")].at(-1) ?? null;
  return null;
}

function neighbour(view: Element, item: SVGGElement, by: number): SVGGElement | null {
  const nodes = [...view.querySelectorAll<SVGGElement>(".node")];
  const next = nodes[nodes.indexOf(item.closest(".node") as SVGGElement) + by];
  const items = next?.querySelectorAll<SVGGElement>(".item");
  return (by > 0 ? items?.[0] : items?.[items.length - 1]) ?? null;
}

/** Right follows the edge of a row (or the first edge out of a state), left goes to where the first edge comes from. */
function along(view: Element, item: SVGGElement, forward: boolean): SVGGElement | null {
  const node = item.closest<SVGGElement>(".node");
  const id = CSS.escape(node?.id ?? "");
  const row = item.dataset["row"];
  const edge = forward
    ? row !== undefined
      ? [...view.querySelectorAll<SVGGElement>(".edge")].find((one) => (one.dataset["rows"] ?? "").split(" ").includes(row))
      : view.querySelector<SVGGElement>(`.edge[data-source="${id}"]`)
    : view.querySelector<SVGGElement>(`.edge[data-target="${id}"]`);
  const end = edge?.dataset[forward ? "target" : "source"];
  return end ? view.querySelector<SVGGElement>(`#${CSS.escape(end)} .head`) : null;
}
