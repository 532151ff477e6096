// JupyterHub's spawn page as its stock template draws it, with or without its own style sheet.
import type { Words } from "../src/lib/language";
import type { Page } from "../src/lib/page";

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const around = (body: string, styled: boolean, title = "Server Options") => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Fake hub</title><link rel="icon" href="data:,">
  ${styled ? '<link rel="stylesheet" href="/hub/static/css/style.min.css">' : ""}
  <script>document.documentElement.dataset.bsTheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";</script>
</head>
<body>${
    title
      ? `<div class="container"><div class="row text-center"><h1>${title}</h1></div>
<div class="row justify-content-center"><div class="col-md-8">${body}</div></div></div>`
      : `<main class="container">${body}</main>`
  }</body>
</html>`;

/** How the page is asked for: as it is shipped instead of from the sources, and in a language other than English. */
export interface Asked {
  built: boolean;
  words: Words | null;
}

export const spawnPage = (page: Page, styled: boolean, { built, words }: Asked): string =>
  around(
    `<form enctype="multipart/form-data" id="spawn_form" action="/hub/spawn?_xsrf=x" method="post" role="form">
      <div id="hubkiln" lang="${words?.language ?? "en"}"></div>
      ${words ? `<script>globalThis.hubkilnWords=${JSON.stringify(words)}</script>` : ""}
      ${built ? '<link rel="stylesheet" href="/hub/hubkiln/static/spawn.css">' : ""}
      <script type="application/json" id="hubkiln-page">${JSON.stringify(page).replaceAll("</", "<\\/")}</script>
      <script type="module" src="${built ? "/hub/hubkiln/static/spawn.js" : "/src/app/main.tsx"}"></script>
      <br>
      <div class="feedback-container"><button type="submit" class="btn btn-jupyter form-control">Start</button></div>
    </form>`,
    styled,
  );

/** The page of environments, as an admin has it. */
export const environmentsPage = (page: Page, styled: boolean, { built, words }: Asked): string =>
  around(
    `<div id="hubkiln" class="hk-mounted" lang="${words?.language ?? "en"}"></div>
    ${words ? `<script>globalThis.hubkilnWords=${JSON.stringify(words)}</script>` : ""}
    ${built ? '<link rel="stylesheet" href="/hub/hubkiln/static/spawn.css">' : ""}
    <script type="application/json" id="hubkiln-page">${JSON.stringify(page).replaceAll("</", "<\\/")}</script>
    <script type="module" src="${built ? "/hub/hubkiln/static/environments.js" : "/src/app/environments-main.tsx"}"></script>`,
    styled,
    "",
  );

/** What the hub would have got. */
export const postedPage = (fields: [string, string][], styled: boolean): string =>
  around(`<p>The hub got:</p><pre>${escape(fields.map((field) => field.join(" = ")).join("\n"))}</pre><a href="/hub/spawn">Again</a>`, styled);
