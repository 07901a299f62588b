import "./css/deployment.css";
import { polls } from "./lib/poll";

polls();
