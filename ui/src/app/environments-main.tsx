// Draws the page of environments.
import { render } from "preact";
import { readPage } from "../lib/page";
import { browserPorts } from "../lib/ports";
import { EnvironmentsApp } from "./environments-app";
import "./styles/page.css";
import "./styles/controls.css";
import "./styles/build.css";
import "./styles/environments.css";

const root = document.getElementById("hubkiln");
if (root) render(<EnvironmentsApp page={readPage(document)} ports={browserPorts} />, root);
