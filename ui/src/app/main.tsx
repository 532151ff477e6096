// Draws the page into the place that the hub's form has for it.
import { render } from "preact";
import { readPage } from "../lib/page";
import { browserPorts } from "../lib/ports";
import { App } from "./app";
import "./styles/page.css";
import "./styles/controls.css";
import "./styles/build.css";

const root = document.getElementById("hubkiln");
if (root) render(<App page={readPage(document)} ports={browserPorts} root={root} />, root);
