// Starts a server as the hub's own form does, and relays its progress, so that the page need not be left before it is up.
import { Failure, failureOf, unreachable } from "../../lib/failure";
import { t, tn } from "../../lib/language";
import { HUB, type Login } from "../../lib/login";
import type { Page } from "../../lib/page";
import type { Ports } from "../../lib/ports";
import { rootOf } from "../../lib/opening";
import { makeReader } from "../../lib/sse";

/** What the hub says of a start. */
interface Progress {
  progress?: number;
  message?: string;
  ready?: boolean;
  failed?: boolean;
  url?: string;
}

export interface Step {
  /** Of 100. */
  percent: number;
  message: string;
}

export interface Asked {
  /** Where the form is sent. */
  action: string;
  fields: readonly (readonly [name: string, value: string])[];
  /** Where to go once the server runs, or "" for where the hub says. */
  next: string;
}

/** Milliseconds between two tries to hear of the start, and how often in a row. */
const PAUSE = 2000;
const TRIES = 30;

/**
 * Sends the form and returns the address of the running server; `told` hears each step.
 *
 * Raises Failure if the hub refuses it, or the server does not start.
 */
export async function startServer(page: Page, ports: Ports, login: Login, asked: Asked, told: (step: Step) => void, signal: AbortSignal): Promise<string> {
  const body = new URLSearchParams(asked.fields.map(([name, value]): [string, string] => [name, value]));
  const answer = await ports.fetch(asked.action, { method: "POST", body, redirect: "manual", signal }).catch(() => {
    throw unreachable(HUB);
  });
  const taken = answer.type === "opaqueredirect" || (answer.status >= 300 && answer.status < 400);
  const name = encodeURIComponent(page.user);
  if (!taken) throw explained(await refusalOf(answer), page, `${rootOf(page)}user/${name}/${page.serverName ? `${encodeURIComponent(page.serverName)}/` : ""}`);
  const server = page.serverName ? `servers/${encodeURIComponent(page.serverName)}` : "server";
  for (let failures = 0; ; failures++) {
    const url = await heard(ports, `${page.hubApi}users/${name}/${server}/progress?_xsrf=${encodeURIComponent(login.xsrf())}`, told, signal).catch((error: unknown) => {
      if (signal.aborted || failures >= TRIES || (error instanceof Failure && !error.passing)) throw error;
      return null;
    });
    if (url !== null) return asked.next || url;
    await ports.wait(PAUSE, signal);
  }
}

/** Where the server is, or null if the stream broke off. */
async function heard(ports: Ports, address: string, told: (step: Step) => void, signal: AbortSignal): Promise<string | null> {
  const response = await ports.fetch(address, { headers: { Accept: "text/event-stream" }, signal }).catch(() => {
    throw unreachable(HUB);
  });
  if (!response.ok) throw await failureOf(response, HUB);
  const stream = response.body?.getReader();
  const decoder = new TextDecoder();
  const read = makeReader();
  while (stream) {
    const { done, value } = await stream.read();
    if (done) break;
    for (const { data } of read(decoder.decode(value, { stream: true }))) {
      const said = JSON.parse(data) as Progress;
      const message = said.message ?? "";
      if (said.failed) throw failed(message);
      if (said.ready) return said.url ?? "";
      told({ percent: said.progress ?? 0, message });
    }
  }
  return null;
}

const failed = (message: string, hint = t("What you chose is still here.")) =>
  new Failure({ code: "start_failed", message: `${t("Your server did not start.")} ${message.replace(/^Spawn failed:\s*/, "")}`.trim(), hint, own: true }, 400);

/** A start that failed before the hub had answered: nothing is wrong with the form, and often no more is said than that. */
function broken(said: string): Failure {
  const [, why = said] = /^HTTP \d+: [^(]*\((.*)\)$/.exec(said) ?? [];
  return failed(why.startsWith("Unhandled error") ? "" : why, t("Try again in a moment; if it stays so, tell whoever runs this hub."));
}

/** What the hub refuses for another tab's sake: a server at `href` that runs already, or as many as there may be. */
function explained(refusal: Failure, page: Page, href: string): Failure {
  const { message } = refusal.problem;
  const [, limit] = /already has the maximum of (\d+) named servers/.exec(message) ?? [];
  if (limit) return full(Number(limit), `${rootOf(page)}hub/environments`);
  return / is (?:already running|pending \w+)\.?$/.test(message) ? running(href) : refusal;
}

function running(href: string): Failure {
  const message = t("A server of yours is running or starting already, perhaps from another tab.");
  const hint = t("Open it, or stop it and start again: what you chose is still here.");
  return new Failure({ code: "running", message, hint, own: true, link: { text: t("Open"), href } }, 400);
}

function full(limit: number, href: string): Failure {
  const message = tn(limit, "You have the {n} server beside the default one that this hub allows.", "You have the {n} servers beside the default one that this hub allows.");
  const hint = t("Remove one that you no longer need, then start again: what you chose is still here.");
  return new Failure({ code: "full", message, hint, own: true, link: { text: t("Your servers"), href } }, 400);
}

/** The hub answers a refusal with its form, the reason above it. */
async function refusalOf(answer: Response): Promise<Failure> {
  if (!(answer.headers.get("Content-Type") ?? "").includes("html")) return failureOf(answer, HUB);
  const shown = new DOMParser().parseFromString(await answer.text(), "text/html");
  const said = shown.querySelector(".spawn-error-msg, [data-refusal], .error p, .error")?.textContent.replace(/\s+/g, " ").trim().replace(/^Error:\s*/, "");
  if (said && answer.status >= 500) return broken(said);
  return new Failure({ code: "hub", message: said || t("{what} answered with an error ({status}).", { what: t(HUB), status: String(answer.status) }), hint: t("Change your choice and start again.") }, 400);
}
