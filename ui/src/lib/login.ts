// Whether the user is still logged in to the hub, which the page's own token does not tell: it outlives a log-out.
import { Failure, failureOf, unreachable } from "./failure";
import type { Page } from "./page";
import type { Ports } from "./ports";

export interface Login {
  /** The hub's token against cross-site requests, of the login that is good now. */
  xsrf: () => string;
  /** Returns if the page's user is logged in. Raises Failure `logged_out`, `other_user`, or that the hub does not answer. */
  check: () => Promise<void>;
}

export function makeLogin(page: Page, ports: Ports, cookies: () => string = () => document.cookie): Login {
  let xsrf = page.xsrf;
  let user = page.loggedIn;
  const ask = (token: string) =>
    ports.fetch(`${page.hubApi}user?_xsrf=${encodeURIComponent(token)}`).catch(() => {
      throw unreachable("The hub");
    });
  const check = async () => {
    // Who logs in anew gets another token, in a cookie.
    for (const token of new Set([xsrf, xsrfIn(cookies())])) {
      const response = await ask(token);
      if (response.status === 401 || response.status === 403) continue;
      if (!response.ok) throw await failureOf(response, "The hub");
      const { name = "" } = (await response.json()) as { name?: string };
      if (user && name !== user) throw otherUser(name);
      user = name;
      xsrf = token;
      return;
    }
    throw loggedOut(page.hubApi.replace(/api\/$/, "login"));
  };
  return { xsrf: () => xsrf, check };
}

/** The most specific of the cookies of that name comes first. */
const xsrfIn = (cookies: string): string => decodeURIComponent(/(?:^|;\s*)_xsrf=([^;]*)/.exec(cookies)?.[1] ?? "").replace(/^"|"$/g, "");

const loggedOut = (href: string) =>
  new Failure(
    {
      code: "logged_out",
      message: "You are not logged in any more.",
      hint: "Log in again in another tab and come back: nothing on this page is lost.",
      link: { text: "Log in again", href },
    },
    403,
  );

const otherUser = (name: string) =>
  new Failure({ code: "other_user", message: `You are logged in as ${name} now.`, hint: "Reload the page to go on as this user." }, 403);
