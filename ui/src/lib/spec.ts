// Between the service's specs and what a person types and reads.
import type { Spec } from "./api-types";

/** What to type to get this repository again. */
export const addressOf = (spec: Spec): string =>
  spec.provider === "git" || spec.provider === "gh" ? spec.repository : `${spec.provider}/${spec.repository}`;

/** The ref as typed: empty for the default branch. */
export const refOf = (spec: Spec): string => (spec.ref === "HEAD" ? "" : spec.ref);

export const shortCommit = (commit: string): string => (/^[0-9a-f]{20,}$/.test(commit) ? commit.slice(0, 7) : commit);

const PLANS: Record<string, string> = {
  compose: "put together from ready packages",
  "run-steps": "packages and the repository's own steps",
  repo2docker: "made by repo2docker",
};

/** What a plan means, in a few words. */
export const planWords = (plan: string): string => PLANS[plan] ?? plan;
