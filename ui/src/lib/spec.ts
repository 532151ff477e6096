// Between the service's specs and what a person types and reads.
import type { Spec } from "./api-types";
import { t, word } from "./language";

/** First parts of an address that name a provider, or one of BinderHub's; also the names of people on GitHub. */
const PROVIDERS =
  /^(?:git|gh|gl|gist|codeberg|bitbucket|inline|local|archive|doi|zenodo|figshare|dataverse|hydroshare|ckan|swh|swhid)\//;

/** What to type to get this repository again, from the same provider. */
export function addressOf({ provider, repository }: Spec): string {
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
