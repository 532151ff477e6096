// Requests to the build service: adds the token, renews it once when refused, and turns bad answers into a Failure.
import { failureOf, unreachable } from "./failure";
import { makeLogin, type Login } from "./login";
import type { Page } from "./page";
import type { Ports } from "./ports";
import { makeTokens } from "./tokens";
import { word } from "./language";

const NAME = word("The build service");

export interface Service {
  /** The raw answer, always 2xx. Raises Failure. */
  send: (path: string, init?: RequestInit) => Promise<Response>;
  /** The answer's JSON. Raises Failure. */
  json: <T>(method: string, path: string, body?: unknown) => Promise<T>;
  /** Now by the service's clock, in milliseconds since 1970. */
  now: () => number;
  ports: Ports;
  login: Login;
}

export function makeService(page: Page, ports: Ports): Service {
  const login = makeLogin(page, ports);
  const tokens = makeTokens(page, ports, login);
  let ahead = 0;

  const once = async (path: string, init: RequestInit, token: string) => {
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${token}`);
    const response = await ports.fetch(page.service + path, { ...init, headers }).catch((error: unknown) => {
      throw init.signal?.aborted ? error : unreachable(NAME);
    });
    const date = Date.parse(response.headers.get("Date") ?? "");
    if (!Number.isNaN(date)) ahead = date - ports.now();
    return response;
  };

  const send = async (path: string, init: RequestInit = {}) => {
    if (init.method && init.method !== "GET") await login.check(); // nothing is done for who has logged out
    const token = await tokens.get();
    let response = await once(path, init, token);
    if (response.status === 401 || response.status === 403) {
      tokens.drop(token);
      response = await once(path, init, await tokens.get());
    }
    if (!response.ok) {
      const failure = await failureOf(response, NAME);
      // While the hub restarts, others answer in the service's place that they know no such address.
      throw response.status === 404 && ["http", "hub"].includes(failure.problem.code) ? unreachable(NAME) : failure;
    }
    return response;
  };

  const json = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.headers = { "Content-Type": "application/json" };
      init.body = JSON.stringify(body);
    }
    const response = await send(path, init);
    return (response.status === 204 ? undefined : await response.json()) as T;
  };

  return { send, json, now: () => ports.now() + ahead, ports, login };
}
