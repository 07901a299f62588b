/** Say a sentence to screen readers when they are idle. */
export function announce(sentence: string): void {
  const region = document.getElementById("announce");
  if (!region) return;
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = sentence;
  });
}
