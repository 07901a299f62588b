const SHOWN_FIRST = 5;
const SHOWN_LAST = 2;
const LONG = 7;

/** Who is at the other end, for people: the user part of an address; long numbers are masked. */
export function party(address: string): string {
  const named = /^\s*"?([^"<]+?)"?\s*<.*>/.exec(address);
  const bare = address.replace(/^.*</, "").replace(/>.*$/, "");
  const user = (/^(?:sips?:|tel:)?([^@;]*)(?:@|;|$)/.exec(bare)?.[1] ?? bare) || bare.replace(/^sips?:/, "");
  const digits = /^\+?\d+$/.test(user);
  if (/^\+?\d+•/.test(user)) return user.replace(/•+/g, " •••• ").trim();
  if (!digits) return named?.[1] && !/^\+?\d+$/.test(named[1]) ? named[1] : user || "unknown";
  if (user.length < LONG) return user;
  return `${user.slice(0, SHOWN_FIRST)} •••• ${user.slice(-SHOWN_LAST)}`;
}

/** Write addresses of server-drawn lists as people read them; the full address stays in the title. */
export function parties(): void {
  for (const part of document.querySelectorAll<HTMLElement>("[data-party]")) {
    const full = part.textContent?.trim() ?? "";
    if (!full) continue;
    part.title = full;
    part.textContent = party(full);
  }
}
