// The page's own Hub token: short-lived, for the build service alone, and never outside this module's memory.
import { failureOf, unreachable } from "./failure";
import { HUB, type Login } from "./login";
import type { Page } from "./page";
import type { Ports } from "./ports";

export interface Tokens {
  /** The token at hand, made at the first call. */
  get: () => Promise<string>;
  /** Forget `refused`, so that the next `get` makes another. */
  drop: (refused: string) => void;
}

export function makeTokens(page: Page, ports: Ports, login: Login): Tokens {
  let current: Promise<string> | null = null;
  let value = "";
  return {
    get: () => {
      current ??= askForToken(page, ports, login)
        .then((token) => (value = token))
        .catch((error: unknown) => {
          current = null;
          throw error;
        });
      return current;
    },
    drop: (refused) => {
      if (refused === value) current = null;
    },
  };
}

async function askForToken(page: Page, ports: Ports, login: Login): Promise<string> {
  const address = `${page.hubApi}users/${encodeURIComponent(page.user)}/tokens?_xsrf=${encodeURIComponent(login.xsrf())}`;
  const body = { expires_in: 3600, note: "Hubkiln spawn page", scopes: page.scopes };
  const response = await ports
    .fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
    .catch(() => {
      throw unreachable(HUB);
    });
  if (!response.ok) throw await failureOf(response, HUB);
  return ((await response.json()) as { token: string }).token;
}
