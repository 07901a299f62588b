import "./css/diagram.css";
import "./css/compare.css";
import "./css/review.css";
import { boot } from "./lib/boot";
import { element } from "./lib/element";
import { Stage, type StageBoot } from "./review/stage";
import { Steps } from "./review/steps";
import { Talk } from "./review/talk";

interface ReviewBoot extends StageBoot {
  stamp: string;
}

const data = boot<ReviewBoot>("boot");
const page = element<HTMLElement>("main.review");
const stage = data ? new Stage(element<HTMLElement>('[data-part="stage"]'), data) : null;
const steps = new Steps(page, (hash) => stage?.choose(stage.read(hash)));
const talk = new Talk(page, stage, data?.stamp ?? "");
stage?.onChoose((row, state) => steps.show(row, state));

function follow(): void {
  if (!location.hash || talk.open(location.hash)) return;
  const selection = stage?.read(location.hash);
  if (selection) stage?.choose(selection);
}

void (stage?.drawn ?? Promise.resolve()).then(follow);
window.addEventListener("hashchange", follow);
