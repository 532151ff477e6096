// Serves the fake hub from Vite's development server.
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import type { Words } from "../src/lib/language";
import type { Page } from "../src/lib/page";
import { FakeHub } from "../src/testing/fake-hub";
import type { Environment } from "../src/lib/api-types";
import { environments, hostile, page } from "../src/testing/samples";
import { CATALOGUES } from "../words.js";
import { environmentsPage, postedPage, spawnPage } from "./html";
import { tellStory } from "./story";

/** JupyterHub's own style sheets and fonts, when the project's virtual environment is there. */
const HUB_FILES = fileURLToPath(new URL("../../.venv/share/jupyterhub/static/", import.meta.url));

/** What `npm run build` made. */
const BUILT = fileURLToPath(new URL("../../src/hubkiln/hub/static/", import.meta.url));

/** Other pages to look at, by `?page=`. */
const PAGES: Record<string, Partial<Page>> = {
  refused: { problem: "Image “nowhere/nothing” is not allowed here." },
  one: { profiles: page.profiles.slice(0, 1) },
  none: { profiles: [] },
  hostile: { profiles: hostile },
  many: { profiles: Array.from({ length: 300 }, (_, n) => ({ ...page.profiles[0], slug: `p${String(n)}`, display_name: `Machine ${String(n)}`, default: n === 7 })) },
};

export function fakeHub(): Plugin {
  const hub = new FakeHub();
  hub.story = (build) => void tellStory(build);
  const styled = existsSync(HUB_FILES);
  return {
    name: "fake-hub",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const url = new URL(request.url ?? "/", "http://fake");
        const answer = route(hub, url, request, styled);
        if (answer) answer.then((made) => send(made, response)).catch(next);
        else next();
      });
    },
  };
}

function route(hub: FakeHub, url: URL, request: IncomingMessage, styled: boolean): Promise<Response> | null {
  const path = url.pathname;
  if (path === "/") return Promise.resolve(new Response(null, { status: 302, headers: { Location: "/hub/spawn" } }));
  if (path === "/hub/spawn" && request.method === "POST") return posted(hub, request);
  if (path.startsWith("/user/")) return Promise.resolve(html(postedPage(Object.entries(hub.posted ?? {}), styled)));
  if (path === "/hub/spawn") return Promise.resolve(spawn(hub, url, styled));
  if (path === "/hub/environments") return Promise.resolve(managed(hub, url, styled));
  if (path.startsWith("/hub/static/")) return file(HUB_FILES + path.slice("/hub/static/".length));
  if (path.startsWith("/hub/hubkiln/static/")) return file(BUILT + path.slice("/hub/hubkiln/static/".length));
  return /^\/(hub\/api|services\/binder)\//.test(path) ? called(hub, url, request) : null;
}

/** `path` comes from a parsed URL, so it has no `..` left in it. */
async function file(path: string): Promise<Response> {
  const headers = { "Content-Type": { css: "text/css", js: "text/javascript" }[path.split(".").pop() ?? ""] ?? "application/octet-stream" };
  return readFile(path).then((content) => new Response(content, { headers }), () => new Response(null, { status: 404 }));
}

function spawn(hub: FakeHub, url: URL, styled: boolean): Response {
  if (url.searchParams.has("fresh")) hub.builds = [];
  if (url.searchParams.get("page") === "many") hub.environments = Array.from({ length: 5000 }, (_, n) => ({ ...environments[0], id: `e${String(n)}`, name: `Tank ${String(n)}` }) as Environment);
  const typed = url.searchParams.get("typed") !== "no";
  hub.engine = { ...hub.engine, typed_images: { works: typed, reason: typed ? "" : "There is no container engine on this machine." } };
  const asked = { built: url.searchParams.has("built"), words: wordsOf(url.searchParams.get("lang") ?? "") };
  return html(spawnPage({ ...page, ...PAGES[url.searchParams.get("page") ?? ""] }, styled, asked));
}

function managed(hub: FakeHub, url: URL, styled: boolean): Response {
  const server = { ready: true, pending: null, started: new Date(Date.now() - 4e6).toISOString(), url: "/user/ada/", user_options: {} };
  hub.servers = { "": { ...server, name: "" }, "wave-tank": { ...server, name: "wave-tank", ready: false, stopped: true } };
  const asked = { built: url.searchParams.has("built"), words: wordsOf(url.searchParams.get("lang") ?? "") };
  return html(environmentsPage({ ...page, admin: true, groups: ["lab"], namedServers: true, namedServerLimit: 1 }, styled, asked));
}

/** The catalogue of a language, null for English. */
function wordsOf(tag: string): Words | null {
  if (!/^[a-z]+$/.test(tag)) return null;
  const { service, others, ...words } = JSON.parse(readFileSync(`${CATALOGUES}/${tag}.json`, "utf8")) as Words & { others: Words["service"] };
  return { ...words, service: { ...service, ...others }, language: tag };
}

/** As the hub does: it takes the form, and the page asks how the start goes on. */
async function posted(hub: FakeHub, request: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  hub.posted = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
  return new Response(null, { status: 302, headers: { Location: "/hub/spawn-pending/ada" } });
}

async function called(hub: FakeHub, url: URL, request: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = Object.entries(request.headers).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  const init: RequestInit = { method: request.method ?? "GET", headers };
  if (chunks.length) init.body = Buffer.concat(chunks).toString();
  return hub.fetch(url.pathname + url.search, init);
}

const html = (text: string) => new Response(text, { headers: { "Content-Type": "text/html; charset=utf-8" } });

function send(answer: Response, response: ServerResponse): void {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (!answer.body) {
    response.end();
    return;
  }
  const body = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]);
  body.on("error", () => response.destroy());
  response.on("close", () => body.destroy());
  body.pipe(response);
}
