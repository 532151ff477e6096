// The user's own servers, as the hub tells of them, and the way to stop one.
import { Failure, failureOf, unreachable } from "../../lib/failure";
import { HUB } from "../../lib/login";
import type { Page } from "../../lib/page";
import type { Service } from "../../lib/service";

export interface Server {
  /** "" for the default one. */
  name: string;
  ready: boolean;
  pending: "spawn" | "stop" | null;
  /** The hub keeps its name, and counts it, though nothing runs. */
  stopped?: boolean;
  url: string;
  started: string | null;
  user_options: Record<string, unknown> | null;
}

async function ask(page: Page, service: Service, path: string, { query = "", ...init }: RequestInit & { query?: string }): Promise<Response> {
  await service.login.check();
  const address = `${page.hubApi}${path}?_xsrf=${encodeURIComponent(service.login.xsrf())}${query}`;
  const response = await service.ports.fetch(address, init).catch(() => {
    throw unreachable(HUB);
  });
  if (!response.ok) throw await failureOf(response, HUB);
  return response;
}

/** The default one first, if it runs; named ones also while they are stopped, as the hub counts them. */
export async function serversOf(page: Page, service: Service): Promise<Server[]> {
  const answer = await ask(page, service, "user", { query: "&include_stopped_servers=1" });
  const { servers = {} } = (await answer.json()) as { servers?: Record<string, Server> };
  const shown = Object.values(servers).filter((server) => server.name || isUp(server));
  return shown.sort((one, other) => one.name.localeCompare(other.name));
}

/** Stops it; with `remove`, the hub forgets one that is stopped. */
export async function stopServer(page: Page, service: Service, name: string, remove = false): Promise<void> {
  const path = `users/${encodeURIComponent(page.user)}/${name ? `servers/${encodeURIComponent(name)}` : "server"}`;
  await ask(page, service, path, { method: "DELETE", ...(remove ? { body: JSON.stringify({ remove }) } : {}) }).catch((error: unknown) => {
    if (!(error instanceof Failure && error.status === 404)) throw error; // it is gone already
  });
}

/** Whether it runs, starts or stops. */
export const isUp = ({ stopped }: Server): boolean => !stopped;

/** Whether the hub lets the user have no further server beside the default one. */
export const isFull = ({ namedServerLimit: limit }: Page, servers: readonly Server[]): boolean => limit > 0 && servers.filter(({ name }) => name).length >= limit;

/** Whether a server runs in `image`, by what it was started with. */
export const runsIn = ({ stopped, user_options: options }: Server, image: string): boolean => !stopped && Object.values(options ?? {}).some((value) => value === image);

/** A name for a server beside those that run: letters, digits and dashes of `title`. */
export function nameBeside(title: string, servers: readonly Server[]): string {
  const plain = title.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 24).replace(/-+$/, "") || "server";
  const taken = new Set(servers.filter(isUp).map(({ name }) => name));
  for (let number = 1; ; number++) {
    const name = number === 1 ? plain : `${plain}-${String(number)}`;
    if (!taken.has(name)) return name;
  }
}
