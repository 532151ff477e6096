// What is wrong with the choice as it stands, by field; the server checks everything again.
import type { Problem, Recognised } from "../../lib/api-types";
import { t } from "../../lib/language";
import { isAddress, staysInside } from "../../lib/opening";
import { resourceOptions, type UnlistedChoice } from "../../lib/page";
import { isList, linesOf } from "../../lib/spec";
import { OTHER, type Choice } from "./choice";
import { openOf, type InForce } from "./offers";

/** Field id to one sentence of the page, or to what the service says. */
export type Complaints = Record<string, string | Problem>;

/** What the service makes of the address. */
export interface Understanding {
  found: Recognised | null;
  problem: Problem | null;
}

const UNKNOWN: Understanding = { found: null, problem: null };

export const answerField = (key: string): string => `option-${key}`;

export function complaintsOf(choice: Choice, now: InForce, meant: Understanding = UNKNOWN): Complaints {
  const found: Complaints = {};
  const add = (field: string, complaint: string) => {
    if (complaint) found[field] = complaint;
  };
  for (const [key, option] of resourceOptions(now.profile)) {
    const answer = choice.answers[choice.profile]?.[key];
    if (answer?.choice === OTHER) add(answerField(key), aboutText(answer.text, option.unlisted_choice, t("Fill this in.")));
  }
  if (now.source === "typed") add("image", aboutText(choice.typed, now.option?.unlisted_choice, t("Give the name of an image.")));
  if (now.source === "repository") {
    add("repository", meant.found?.kind === "image" ? t("This is the name of an image: {name}.", { name: meant.found.value }) : aboutAddress(choice.repository.address, meant.found !== null));
    if (meant.problem) found["repository"] = meant.problem;
    add("open", aboutPath(openOf(choice, now)));
    add("date", choice.repository.asOf === "date" && !choice.repository.date ? t("Choose a date.") : "");
  }
  if (now.source === "listed" && now.picked?.kind === "saved") add("open", aboutPath(openOf(choice, now)));
  return found;
}

function aboutPath(text: string): string {
  const inside = isAddress(text) ? staysInside(text) : !text.split("/").includes("..");
  return inside ? "" : t("Give a path inside the repository, such as notebooks/start.ipynb.");
}

export function aboutText(text: string, rule: UnlistedChoice | undefined, missing: string): string {
  if (!text.trim()) return missing;
  const pattern = patternOf(rule?.validation_regex ?? "");
  if (!pattern || pattern.test(text.trim())) return "";
  return rule?.validation_message || t("This does not have the form that is asked for.");
}

/** The admin's rule, which is Python's; null where this browser cannot read it, and then the server alone checks. */
function patternOf(rule: string): RegExp | null {
  try {
    return rule ? new RegExp(`^(?:${rule.replace(/\(\?P</g, "(?<")})$`) : null;
  } catch {
    return null;
  }
}

function aboutAddress(text: string, understood: boolean): string {
  const address = text.trim();
  if (!address) return t("Give a repository: its address, or organisation/name.");
  if (isList(address)) return linesOf(address).trim() ? "" : t("Name at least one package.");
  if (!understood && /\s/.test(address)) return t("An address has no spaces in it.");
  if (/^[a-z+]+:\/\/[^/@]*:[^/@]*@/i.test(address)) return t("Leave the password out of the address: others may see it.");
  return "";
}
