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
  url: string;
  started: string | null;
  user_options: Record<string, unknown> | null;
}

async function ask(page: Page, service: Service, method: string, path: string): Promise<Response> {
  await service.login.check();
  const address = `${page.hubApi}${path}?_xsrf=${encodeURIComponent(service.login.xsrf())}`;
  const response = await service.ports.fetch(address, { method }).catch(() => {
    throw unreachable(HUB);
  });
  if (!response.ok) throw await failureOf(response, HUB);
  return response;
}

/** Those that run, start or stop; the default one first. */
export async function serversOf(page: Page, service: Service): Promise<Server[]> {
  const { servers = {} } = (await (await ask(page, service, "GET", "user")).json()) as { servers?: Record<string, Server> };
  return Object.values(servers).sort((one, other) => one.name.localeCompare(other.name));
}

export async function stopServer(page: Page, service: Service, name: string): Promise<void> {
  const path = name ? `servers/${encodeURIComponent(name)}` : "server";
  await ask(page, service, "DELETE", `users/${encodeURIComponent(page.user)}/${path}`).catch((error: unknown) => {
    if (!(error instanceof Failure && error.status === 404)) throw error; // it is gone already
  });
}

/** Whether a server runs in `image`, by what it was started with. */
export const runsIn = ({ user_options: options }: Server, image: string): boolean => Object.values(options ?? {}).some((value) => value === image);

/** A name for a server beside those that there are: letters, digits and dashes of `title`. */
export function nameBeside(title: string, servers: readonly Server[]): string {
  const plain = title.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 24).replace(/-+$/, "") || "server";
  const taken = new Set(servers.map(({ name }) => name));
  for (let number = 1; ; number++) {
    const name = number === 1 ? plain : `${plain}-${String(number)}`;
    if (!taken.has(name)) return name;
  }
}
