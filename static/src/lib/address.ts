/** Put a word into the query of the address, or take it away: a link then leads to the same view. */
export function note(name: string, value: string | null): void {
  const address = new URL(location.href);
  if (value === null) address.searchParams.delete(name);
  else address.searchParams.set(name, value);
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

/** Read a word of the address' query. */
export function noted(name: string): string | null {
  return new URL(location.href).searchParams.get(name);
}
