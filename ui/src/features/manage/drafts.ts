// What was typed into an environment's forms and is not in it yet: neither a build that fails nor a reload loses it.
import { withoutSecret } from "../../lib/address";

export interface Draft {
  kind: string;
  /** Of a list of packages. */
  lines: string;
  address: string;
  ref: string;
  subdir: string;
}

const key = (environment: string, form: string) => `hubkiln-draft-${form}-${environment}`;

/** The draft in this tab for a form of an environment that is `made` like that; once it is made otherwise, it is forgotten. */
export function draftFor(environment: string, form: string, made: string): Draft | null {
  try {
    const kept = JSON.parse(window.sessionStorage.getItem(key(environment, form)) ?? "null") as (Draft & { made: string }) | null;
    if (kept?.made === made) return kept;
    keepDraft(environment, form, made, null);
    return null;
  } catch {
    return null;
  }
}

/** Keeps what is typed, or nothing. */
export function keepDraft(environment: string, form: string, made: string, draft: Draft | null): void {
  try {
    if (draft) window.sessionStorage.setItem(key(environment, form), JSON.stringify({ ...draft, address: withoutSecret(draft.address), made }));
    else window.sessionStorage.removeItem(key(environment, form));
  } catch {
    // Storage may be full or forbidden; the fields then begin with what there is.
  }
}
