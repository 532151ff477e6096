// A version in words: when it was made, and of what, as two may be made in the same minute.
import type { EnvironmentDetails, Version } from "../../lib/api-types";
import { shortCommit } from "../../lib/spec";
import { ago } from "../../lib/time";

/** Letters of a list of packages that are enough to know it by. */
const ENOUGH = 60;

export function nameOf({ spec, commit, built }: Version, one: EnvironmentDetails, now: number): string {
  const { provider, repository } = spec ?? one.spec;
  const packages = repository.replaceAll(",", ", ");
  const made = provider !== "inline" ? shortCommit(commit) : packages.length > ENOUGH ? `${packages.slice(0, ENOUGH)}…` : packages;
  return `${ago(built, now)} (${made})`;
}
