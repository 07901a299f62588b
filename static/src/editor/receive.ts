import { announce } from "../lib/announce";
import type { Frame } from "../lib/socket";
import { toast } from "../lib/toast";
import type { VersionLine } from "../lib/types";
import type { CheckFrame, DeploymentFrame, DocumentFrame, ViewFrame, WalkFrame } from "./document";
import type { Store } from "./store";
import type { Yaml } from "./yaml";

/** Take one frame of the server into the store. */
export function receive(frame: Frame, store: Store, yaml: Yaml): void {
  switch (frame.type) {
    case "document":
      takeDocument(frame as unknown as DocumentFrame, store, yaml);
      break;
    case "view":
      takeView(frame as unknown as ViewFrame, store);
      break;
    case "saved":
      saved(frame["version"] as VersionLine, store);
      break;
    case "conflict":
      store.latest = frame["latest"] as VersionLine;
      store.emit("document");
      break;
    case "newer":
      store.latest = frame["latest"] as VersionLine;
      announce(`${store.latest.author} saved version ${store.latest.number}`);
      store.emit("document");
      break;
    case "deployment":
      deployed(frame as unknown as DeploymentFrame, store);
      break;
    case "review":
      store.way = { required: Boolean(frame["required"]), review: frame["review"] as Store["way"]["review"] };
      store.emit("deployment");
      break;
    case "check":
      counted(store, () => store.checked(frame as unknown as CheckFrame));
      break;
    case "tests":
      store.emit("tests");
      break;
    case "walk":
      counted(store, () => store.looked(frame as unknown as WalkFrame));
      break;
    case "presence":
      store.people = frame["people"] as Store["people"];
      store.emit("people");
      break;
    case "cursor":
      store.heard?.(frame);
      break;
    case "refused":
      if (frame["seq"] === null) toast(String(frame["message"]), { kind: "err" });
      break;
  }
}

/** The same table drawn otherwise. */
function takeView(frame: ViewFrame, store: Store): void {
  if (frame.dot === null) return;
  store.dot = frame.dot;
  store.drawn = frame.drawn;
  store.emit("view");
}

function takeDocument(frame: DocumentFrame, store: Store, yaml: Yaml): void {
  counted(store, () => {
    if (frame.text !== undefined) yaml.replace(frame.text);
    store.take(frame);
  });
}

/** Do it, and say how many errors there are when their number changed. */
function counted(store: Store, act: () => void): void {
  const before = store.errors;
  act();
  if (before !== store.errors) announce(store.errors ? `${store.errors} ${store.errors === 1 ? "error" : "errors"}` : "No errors");
}

function saved(version: VersionLine, store: Store): void {
  store.base = { number: version.number, digest: version.digest };
  store.latest = version;
  store.versions = [version, ...store.versions.filter((item) => item.number !== version.number)];
  store.changed = false;
  store.await(version.number);
  store.relate();
  store.emit("document");
}

function deployed(frame: DeploymentFrame, store: Store): void {
  store.deployment = { ...frame, nodes: frame.nodes ?? [] };
  const loaded = store.deployment.nodes.filter((node) => !node.error && node.digest === frame.digest);
  if (loaded.length) announce(`Version ${frame.version} runs on ${loaded.map((node) => node.node).join(", ")}`);
  store.emit("deployment");
}
