// How a launch link is written. Pure.
import { word } from "../../lib/language";
import { openingQuery, rootOf } from "../../lib/opening";
import type { Page } from "../../lib/page";

export interface Shared {
  /** What follows `/v2/`, or "" where nothing can be linked. */
  link: string;
  subdir: string;
  /** What is added to what the repository asks for. */
  packages: readonly string[];
  /** What is opened, as the form has it. */
  open: string;
}

/** The launch link, under the address that the page is seen at. */
export function linkOf(page: Pick<Page, "hubApi">, { link, subdir, packages, open }: Shared, origin: string): string {
  const added = packages.length > 0 && `packages=${encodeURIComponent(packages.join(", "))}`;
  const query = [subdir.trim() && `subdir=${encodeURIComponent(subdir.trim())}`, added, openingQuery(open)].filter(Boolean).join("&");
  return `${origin}${rootOf(page)}hub/v2/${link}${query && `?${query}`}`;
}

export const NOTATIONS: readonly { name: string; write: (address: string, badge: string) => string }[] = [
  { name: word("Link"), write: (address) => address },
  { name: "Markdown", write: (address, badge) => `[![Open in JupyterHub](${badge})](${address.replace(/[()]/g, encoded)})` },
  { name: "reStructuredText", write: (address, badge) => `.. image:: ${badge}\n   :alt: Open in JupyterHub\n   :target: ${address}` },
  { name: "HTML", write: (address, badge) => `<a href="${address.replaceAll("&", "&amp;").replaceAll('"', "%22")}"><img src="${badge}" alt="Open in JupyterHub"></a>` },
];

const encoded = (letter: string): string => (letter === "(" ? "%28" : "%29");
