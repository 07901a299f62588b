import type { Picture } from "../lib/types";

/** The JSON beside the live page. */
export interface LiveBoot {
  flow: string;
  ws: string;
  dot: string | null;
  picture: Picture | null;
  digest: string;
  deployed: { number: number; digest: string } | null;
  versions: Record<string, number>;
  urls: { call: string; acts: string; figures: string; editor: string };
}
