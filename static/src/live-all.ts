import "./css/live.css";
import { allFlows } from "./live/all";

allFlows();
