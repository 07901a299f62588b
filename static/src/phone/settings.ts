import { boot } from "../lib/boot";

/** Where the phone connects and who it is. */
export interface PhoneSettings {
  ws: string;
  uri: string;
  domain: string;
  user: string;
}

export function settings(): PhoneSettings {
  const given = boot<{ ws?: string; domain?: string; user?: string }>("sip") ?? {};
  // Only the host: the port of the page is not one of the SIP address.
  const domain = (given.domain || location.host).replace(/:\d+$/, "") || location.hostname;
  const user = (given.user ?? "web").replace(/[^\w.-]/g, "_");
  const url = new URL(given.ws || "/sip", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return { ws: url.href, uri: `sip:${user}@${domain}`, domain, user };
}
