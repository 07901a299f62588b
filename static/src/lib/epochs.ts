/** Write epoch seconds of server-drawn lists as the reader's clock says them. */
export function epochs(): void {
  write();
  document.addEventListener("htmx:load", write);
}

function write(): void {
  const form = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  for (const part of document.querySelectorAll<HTMLElement>("[data-epoch]")) {
    const seconds = Number(part.dataset["epoch"]);
    if (seconds) part.textContent = form.format(new Date(seconds * 1000));
  }
}
