// What the chosen profile offers as environment, and which offer is in force.
import type { Engine, Environment } from "../../lib/api-types";
import { t } from "../../lib/language";
import { defaultChoice, imageOption, type Page, type Profile, type ProfileOption } from "../../lib/page";
import { REPOSITORY, type Choice, type Source } from "./choice";

export interface Offer {
  source: Source;
  label: string;
  /** Why it cannot be used here, or "". */
  barred: string;
  /** Whether the service says so, not the page. */
  told?: boolean;
}

export const profileOf = (page: Page, choice: Choice): Profile | undefined =>
  page.profiles.find((profile) => profile.slug === choice.profile);

/** Whether environments built or saved here may be used with this option. */
export const takesBuilt = (option: ProfileOption | undefined): boolean =>
  Boolean(option?.dynamic_image_building?.enabled ?? option?.unlisted_choice?.enabled);

/** The ways to an environment, in the order shown. */
export function offersOf(option: ProfileOption | undefined, saved: readonly Environment[], engine: Engine | null): Offer[] {
  if (!option) return [];
  const offers: Offer[] = [];
  const listed = Object.keys(option.choices ?? {}).length + (takesBuilt(option) ? saved.length : 0);
  if (listed > 0) offers.push({ source: "listed", label: t("Listed"), barred: "" });
  if (option.unlisted_choice?.enabled) offers.push({ source: "typed", label: option.unlisted_choice.display_name_in_choices || t("Any image"), ...typedBarred(engine) });
  if (option.dynamic_image_building?.enabled) offers.push({ source: "repository", label: t("Repository"), barred: builtBarred(engine) });
  return offers;
}

function typedBarred(engine: Engine | null): Pick<Offer, "barred" | "told"> {
  if (!engine || engine.typed_images.works) return { barred: "" };
  const { reason } = engine.typed_images;
  return reason ? { barred: reason, told: true } : { barred: t("This hub cannot run images by name.") };
}

function builtBarred(engine: Engine | null): string {
  if (!engine?.elsewhere || engine.pushes !== false) return "";
  return t("What is built here stays on the build service's machine, where this hub's servers do not run. An admin changes that with the setting `push`.");
}

/** The way in force: the one chosen if this profile has it, else the first that works. */
export function sourceOf(choice: Choice, offers: readonly Offer[]): Source | null {
  const usable = offers.filter((offer) => !offer.barred);
  return (usable.find((offer) => offer.source === choice.source) ?? usable[0])?.source ?? null;
}

/** What is picked from the list. */
export type Picked = { kind: "choice"; key: string } | { kind: "saved"; environment: Environment };

/** The pick in force: the one chosen if it is still there, else the default. */
export function pickedOf(choice: Choice, option: ProfileOption | undefined, saved: readonly Environment[]): Picked | null {
  if (!option) return null;
  const [kind, ...rest] = choice.listed.split(":");
  const key = rest.join(":");
  const mine = takesBuilt(option) ? saved : [];
  const environment = kind === "saved" ? mine.find((one) => one.id === key) : undefined;
  if (environment) return { kind: "saved", environment };
  if (kind === "choice" && key in (option.choices ?? {})) return { kind: "choice", key };
  const first = defaultChoice(option);
  if (first) return { kind: "choice", key: first };
  return mine[0] ? { kind: "saved", environment: mine[0] } : null;
}

/** Everything of the choice that is in force now. */
export interface InForce {
  profile: Profile | undefined;
  option: ProfileOption | undefined;
  offers: Offer[];
  source: Source | null;
  picked: Picked | null;
}

export function inForce(page: Page, choice: Choice, saved: readonly Environment[], engine: Engine | null): InForce {
  const profile = profileOf(page, choice);
  const option = imageOption(profile);
  const offers = offersOf(option, saved, engine);
  return { profile, option, offers, source: sourceOf(choice, offers), picked: pickedOf(choice, option, saved) };
}

/** Whose path to open is asked for, of those in `opens`. */
export const openedIn = ({ source, picked }: Pick<InForce, "source" | "picked">): string =>
  source === "listed" && picked?.kind === "saved" ? `saved:${picked.environment.id}` : REPOSITORY;

export const openOf = (choice: Choice, now: InForce): string => choice.opens[openedIn(now)] ?? "";
