/** The page of nodes: its dialogs, which name whom they are about and how many calls that reaches. */
export function nodes(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-node-act]");
    if (button) ask(button);
  });
}

function ask(button: HTMLElement): void {
  const dialog = document.querySelector<HTMLDialogElement>(`#node-${button.dataset["nodeAct"]}`);
  const row = button.closest<HTMLElement>("[data-node]");
  const form = dialog?.querySelector("form");
  if (!dialog || !row || !form) return;
  form.action = button.dataset["action"] ?? "";
  for (const part of dialog.querySelectorAll("[data-node-name]")) part.textContent = row.dataset["node"] ?? "";
  const calls = Number(button.dataset["calls"] ?? 0);
  const count = dialog.querySelector("[data-node-calls]");
  const goes = dialog.querySelector("[data-node-goes]");
  if (count) count.textContent = calls === 0 ? "No call runs on it." : `${calls} ${calls === 1 ? "call" : "calls"}`;
  if (goes) goes.textContent = calls === 0 ? "" : `on it ${calls === 1 ? "goes" : "go"} on until ${calls === 1 ? "it is" : "they are"} over.`;
  const others = [...document.querySelectorAll<HTMLElement>("[data-node][data-state=ready]")].filter((each) => each !== row);
  const alone = dialog.querySelector<HTMLElement>("[data-node-alone]");
  if (alone) alone.hidden = others.length > 0;
  dialog.showModal();
}
