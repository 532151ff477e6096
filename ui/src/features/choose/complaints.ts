// What is wrong with the choice as it stands, by field; the server checks everything again.
import { resourceOptions, type UnlistedChoice } from "../../lib/page";
import { OTHER, type Choice } from "./choice";
import { openOf, type InForce } from "./offers";

/** Field id to one sentence. */
export type Complaints = Record<string, string>;

export const answerField = (key: string): string => `option-${key}`;

export function complaintsOf(choice: Choice, now: InForce): Complaints {
  const found: Complaints = {};
  const add = (field: string, complaint: string) => {
    if (complaint) found[field] = complaint;
  };
  for (const [key, option] of resourceOptions(now.profile)) {
    const answer = choice.answers[choice.profile]?.[key];
    if (answer?.choice === OTHER) add(answerField(key), aboutText(answer.text, option.unlisted_choice, "Fill this in."));
  }
  if (now.source === "typed") add("image", aboutText(choice.typed, now.option?.unlisted_choice, "Give the name of an image."));
  if (now.source === "repository") {
    add("repository", aboutAddress(choice.repository.address));
    add("open", aboutPath(openOf(choice, now)));
    add("date", choice.repository.asOf === "date" && !choice.repository.date ? "Choose a date." : "");
  }
  if (now.source === "listed" && now.picked?.kind === "saved") add("open", aboutPath(openOf(choice, now)));
  return found;
}

function aboutPath(text: string): string {
  const inside = !text.trim().startsWith("/") && !text.split("/").includes("..");
  return inside ? "" : "Give a path inside the repository, such as notebooks/start.ipynb.";
}

function aboutText(text: string, rule: UnlistedChoice | undefined, missing: string): string {
  if (!text.trim()) return missing;
  const pattern = patternOf(rule?.validation_regex ?? "");
  if (!pattern || pattern.test(text.trim())) return "";
  return rule?.validation_message || "This does not have the form that is asked for.";
}

/** The admin's rule, which is Python's; null where this browser cannot read it, and then the server alone checks. */
function patternOf(rule: string): RegExp | null {
  try {
    return rule ? new RegExp(`^(?:${rule.replace(/\(\?P</g, "(?<")})$`) : null;
  } catch {
    return null;
  }
}

function aboutAddress(text: string): string {
  const address = text.trim();
  if (!address) return "Give a repository: its address, or organisation/name.";
  if (/\s/.test(address)) return "An address has no spaces in it.";
  if (/^[a-z+]+:\/\/[^/@]*:[^/@]*@/i.test(address)) return "Leave the password out of the address: others may see it.";
  return "";
}
