// What puts a failed build right, by the code of its error: one table, and the first button follows it.
import type { Build, Spec } from "../../lib/api-types";
import { t } from "../../lib/language";

/** What of the form a fix changes. */
export interface Edit {
  ref?: string;
  subdir?: string;
  asOf?: "today" | "commit";
  refresh?: boolean;
}

export interface Fix {
  label: string;
  edit: Edit;
  /** The field to correct, or "" where nothing is left to say and the build can begin. */
  field: "repository" | "ref" | "subdir" | "";
}

/** What was asked for, as far as the page knows it. */
export interface AskedFor {
  spec: Spec;
  asOf: "today" | "commit" | "date";
}

type Rule = (asked: AskedFor) => Fix;

const address: Rule = () => ({ label: t("Correct the address"), edit: {}, field: "repository" });

const branch: Rule = () => ({ label: t("Choose another branch or tag"), edit: {}, field: "ref" });

const defaultBranch: Rule = (asked) => (asked.spec.ref === "HEAD" ? address(asked) : { label: t("Build the default branch"), edit: { ref: "" }, field: "" });

const folder: Rule = (asked) => (asked.spec.subdir ? { label: t("Build the whole repository"), edit: { subdir: "" }, field: "" } : branch(asked));

const smaller: Rule = () => ({ label: t("Choose a folder of it"), edit: {}, field: "subdir" });

/** Packages of another day: those of today where a day was asked for, else those that the author had. */
const day: Rule = ({ spec, asOf }) => {
  if (spec.provider === "inline") return { label: t("Change the packages"), edit: {}, field: "repository" };
  if (asOf !== "today") return { label: t("Build with today's packages"), edit: { asOf: "today" }, field: "" };
  return { label: t("Build with packages of the commit's day"), edit: { asOf: "commit" }, field: "" };
};

const written: Rule = (asked) => (asked.spec.provider === "inline" ? address(asked) : branch(asked));

const FIXES: Readonly<Record<string, Rule>> = {
  access_denied: address,
  bad_archive: address,
  bad_spec: address,
  build_failed: day,
  lock_failed: day,
  needs_building: day,
  not_found: folder,
  recipe_error: written,
  ref_not_found: defaultBranch,
  refused: address,
  repository_not_found: address,
  too_large: smaller,
  unsupported: written,
};

/** What to offer first; null where nothing but another try helps. */
export function fixOf(build: Build, asOf: AskedFor["asOf"]): Fix | null {
  const rule = build.phase === "failed" && build.error ? FIXES[build.error.code] : undefined;
  return rule ? rule({ spec: build.spec, asOf }) : null;
}
