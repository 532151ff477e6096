// Between the service's specs and what a person types and reads.
import type { Spec } from "./api-types";
import { t, word } from "./language";

/** First parts of an address that name a provider, or one of BinderHub's; also the names of people on GitHub. */
const PROVIDERS =
  /^(?:git|gh|gl|gist|codeberg|bitbucket|inline|local|archive|doi|zenodo|figshare|dataverse|hydroshare|ckan|swh|swhid)\//;

/** What to type to get this repository again, from the same provider, with the packages that were added. */
export const addressOf = (spec: Spec): string => [placeOf(spec), (spec.packages ?? []).join(", ")].filter(Boolean).join(" + ");

function placeOf({ provider, repository }: Spec): string {
  switch (provider) {
    case "git":
    case "ckan":
    case "archive":
      return repository;
    case "gh":
      return PROVIDERS.test(repository) ? `gh/${repository}` : repository;
    case "gl":
      return `gl/${repository.split("/").length > 2 ? encodeURIComponent(repository) : repository}`;
    case "inline":
    case "local":
      return `${provider}/${whole(repository)}`;
    default:
      return `${provider}/${repository}`;
  }
}

/** One word, in which nothing is taken for an escape or for a ref at the end. */
const whole = (text: string): string => text.replace(/[%\s]/g, encodeURIComponent) + (text.endsWith("/HEAD") ? "/HEAD" : "");

/** What a box for a list of packages takes. */
export const PACKAGES = word("One a line, as numpy or pandas==2.2; python==3.12 chooses the Python. A requirements.txt or environment.yml may be pasted.");

/** Whether an address is a list of packages. */
export const isList = (address: string): boolean => address.trimStart().startsWith("inline/");

/** Whether a single word may name a package, with its version or without. */
export const isPackage = (text: string): boolean => /^[a-z][\w.-]*(?:\[[\w.,-]+\])?(?:[<>=!~]=?[\w.*]+)?$/i.test(text.trim());

/** Whether a list has lines that name files, of which the service takes none. */
export const namesFiles = (lines: string): boolean => /^\s*-(?:[erc]\b|-(?:editable|requirement|constraint)\b)/m.test(lines);

/** The lines of a list of packages; commas within brackets and between bounds separate nothing. */
export function linesOf(address: string): string {
  const list = address.trimStart().slice("inline/".length).replace(/%(0A|20|25)/gi, decodeURIComponent);
  return list.includes("\n") ? list : list.split(/,(?!\s*[<>=!~])(?![^[]*\])/).join("\n");
}

/** Lines as the service takes them, which knows what of them is no package. */
export const inlineOf = (lines: string): string => `inline/${lines.trim().replace(/^inline\//, "").replace(/[%\s]/g, encodeURIComponent)}`;

/** Several lines that were pasted, shorter: without hashes, and without the comments between. */
export function lean(text: string): string {
  const lines = text.trim().replace(/\r\n?/g, "\n");
  const short = lines.replace(/\\\s*\n\s*/g, " ").replace(/\s+--hash=\S+/g, "").replace(/^[ \t]*#.*\n/gm, "");
  return short.includes("\n") ? short : lines; // one line may mean something else
}

/** The ref as typed: empty for the default branch. */
export const refOf = (spec: Spec): string => (spec.ref === "HEAD" ? "" : spec.ref);

export const shortCommit = (commit: string): string => (/^[0-9a-f]{20,}$/.test(commit) ? commit.slice(0, 7) : commit);

const PLANS: Record<string, string> = {
  compose: word("put together from ready packages"),
  "run-steps": word("packages and the repository's own steps"),
  repo2docker: word("made by repo2docker"),
};

/** What a plan means, in a few words. */
export const planWords = (plan: string): string => t(PLANS[plan] ?? plan);

const HOSTS: Record<string, string> = {
  gh: "GitHub",
  gl: "GitLab",
  gist: word("a gist"),
  codeberg: "Codeberg",
  bitbucket: "Bitbucket",
  zenodo: "Zenodo",
  figshare: "Figshare",
  dataverse: "Dataverse",
  hydroshare: "HydroShare",
  swh: "Software Heritage",
  inline: word("package list"),
  local: word("folder"),
};

/** Where it is from, for those who know it by its name only: names are the same on many hosts. */
export function hostOf({ provider, repository }: Spec): string {
  if (!/^(?:git|ckan|archive)$/.test(provider)) return t(HOSTS[provider] ?? provider);
  return /^(?:[a-z+]+:\/\/)?(?:[^/@]*@)?([^/:]+(?::\d+(?=\/))?)/i.exec(repository)?.[1] ?? "git";
}
