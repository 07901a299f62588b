import "./css/compare.css";
import "./css/proof.css";
