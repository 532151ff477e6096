// What is opened when the server runs: a file of the repository, or an address of the server such as `/git-pull?repo=…`.
import type { Page } from "./page";

/** Beginnings of addresses that show a file, in JupyterLab and Notebook. */
const SHOWS = /^(?:lab\/tree|doc\/tree|tree|notebooks|edit)\/([^?#]+)$/;

/** What a link asks for, as the form has it: the path of a file, else the address with a slash at its beginning. */
export function asTyped(address: string): string {
  const bare = address.replace(/^\/+/, "");
  if (!bare || /^(?:lab|tree)\/?$/.test(bare)) return "";
  const shown = SHOWS.exec(bare)?.[1];
  return shown === undefined ? `/${bare}` : decoded(shown);
}

/** Whether `text` is an address of the server rather than a file's path. */
export const isAddress = (text: string): boolean => text.trim().startsWith("/");

/** Whether an address stays on the server. */
export function staysInside(text: string): boolean {
  const [path = ""] = text.trim().split(/[?#]/);
  const plain = decoded(decoded(path));
  return !path.startsWith("//") && !/[\\\x00-\x1f]/.test(plain) && !plain.split("/").includes("..");
}

/** Where the hub leads after the start for `open`; "" where the server knows by itself. */
export function nextOf(page: Page, open: string): string {
  if (!isAddress(open)) return "";
  const server = page.serverName ? `${encodeURIComponent(page.serverName)}/` : "";
  return `${rootOf(page)}user/${encodeURIComponent(page.user)}/${server}${open.trim().slice(1)}`;
}

/** The path below which the hub and everything of it lies. */
export const rootOf = (page: Pick<Page, "hubApi">): string => page.hubApi.replace(/hub\/api\/$/, "");

/** The part of a launch link that says what is opened. */
export function openingQuery(open: string): string {
  const text = open.trim();
  if (!text) return "";
  return isAddress(text) ? `urlpath=${encodeURIComponent(text.slice(1))}` : `labpath=${encodeURIComponent(text)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
