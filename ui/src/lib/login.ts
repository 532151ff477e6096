// Whether the user is still logged in to the hub, which the page's own token does not tell: it outlives a log-out.
import { Failure, failureOf, unreachable } from "./failure";
import type { Page } from "./page";
import type { Ports } from "./ports";
import { t, word } from "./language";

export const HUB = word("The hub");

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
      throw unreachable(HUB);
    });
  const check = async () => {
    // Who logs in anew gets another token, in a cookie.
    for (const token of new Set([xsrf, xsrfIn(cookies())])) {
      const response = await ask(token);
      if (response.status === 401 || response.status === 403) continue;
      if (!response.ok) throw await failureOf(response, HUB);
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
      message: t("You are not logged in any more."),
      hint: t("Log in again in another tab and come back: nothing on this page is lost."),
      own: true,
      link: { text: t("Log in again"), href },
    },
    403,
  );

const otherUser = (name: string) =>
  new Failure({ code: "other_user", message: t("You are logged in as {name} now.", { name }), hint: t("Reload the page to go on as this user."), own: true }, 403);
