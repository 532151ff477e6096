// What changed between the packages of two versions. Pure.
import type { Contained } from "../../lib/api-types";

export interface Changed {
  name: string;
  /** Version before, "" where it was not there. */
  before: string;
  /** Version after, "" where it is gone. */
  after: string;
}

/** Packages that are not the same in both, by name. */
export function difference(before: Contained, after: Contained): Changed[] {
  const [was, is] = [versions(before), versions(after)];
  const names = [...new Set([...was.keys(), ...is.keys()])].sort();
  return names.map((name) => ({ name, before: was.get(name) ?? "", after: is.get(name) ?? "" })).filter(({ before: old, after: now }) => old !== now);
}

const versions = ({ packages }: Contained): Map<string, string> =>
  new Map(packages.map(({ name, version, kernel }) => [kernel ? `${name} (kernel)` : name, version]));
