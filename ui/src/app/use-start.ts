// The start of the server: the hub's form is sent in the background, and the page is left once the server runs.
import { useEffect, useState } from "preact/hooks";
import { startServer, type Step } from "../features/start/start-server";
import { problemOf } from "../lib/failure";
import type { Visit } from "./use-visit";

/** What the hub has told of the start so far. */
export function useStart(root: Element, { page, service, flow, tell }: Visit): readonly Step[] {
  const [steps, setSteps] = useState<readonly Step[]>([]);
  useEffect(() => {
    if (!flow.sending) return undefined;
    const gone = new AbortController();
    setSteps([]);
    const told = (step: Step) => {
      setSteps((before) => (before.at(-1)?.message === step.message ? [...before.slice(0, -1), step] : [...before, step]));
    };
    const { ports, login } = service;
    const action = actionOf(root, login.xsrf(), flow.next);
    const asked = { action, fields: flow.sending, next: onThisHost(new URLSearchParams(action.split("?")[1]).get("next") ?? "") };
    startServer(page, ports, login, asked, told, gone.signal)
      .then((address) => {
        ports.go(address);
      })
      .catch((error: unknown) => {
        if (!gone.signal.aborted) tell({ type: "refused", problem: problemOf(error) });
      });
    return () => {
      gone.abort(new Error("left"));
    };
  }, [flow.sending]);
  return steps;
}

/** Where the hub's form around `root` is sent. */
function actionOf(root: Element, xsrf: string, next: string): string {
  const [path = "", query = ""] = (root.closest("form")?.getAttribute("action") ?? "").split("?");
  const asked = new URLSearchParams(query);
  // Another login since the page was made has another token.
  if (asked.has("_xsrf")) asked.set("_xsrf", xsrf);
  if (next) asked.set("next", next);
  const text = asked.toString();
  return text ? `${path}?${text}` : path;
}

/** `next` if it stays on this host, as the hub sees to it that it does; else "". */
const onThisHost = (next: string): string => (/^\/(?![/\\])[^\x00-\x1f\\]*$/.test(next) ? next : "");
