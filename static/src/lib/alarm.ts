/** What is found in a running version after its deployment: told on every open page of its flow, as the server words it. */
export async function alarm(flow: string): Promise<void> {
  for (const place of document.querySelectorAll<HTMLElement>(`[data-alarm-of="${CSS.escape(flow)}"]`)) {
    const answer = await fetch(place.dataset["alarm"] ?? "");
    if (!answer.ok) continue;
    const told = await answer.text();
    // Said again only when it changed: an alert is read aloud each time it appears.
    const before = place.querySelector("b")?.textContent;
    const fresh = document.createRange().createContextualFragment(told);
    if (before !== fresh.querySelector("b")?.textContent) place.replaceChildren(fresh);
  }
}
