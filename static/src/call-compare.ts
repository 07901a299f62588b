import "./css/call-compare.css";

document.getElementById("first")?.scrollIntoView({ block: "center" });
