// The choice as this tab's storage keeps it, and back: the one codec for everything that a reload should find again.
import { withoutSecret } from "../../lib/address";
import { resourceOptions, type Page, type Profile } from "../../lib/page";
import { OTHER, firstChoice, type Answer, type Choice, type Repository } from "./choice";

export type Kept = Omit<Choice, "left">;

/** What to keep of `choice`: all of it, but for a name or password in an address. */
export function kept({ profile, answers, source, listed, typed, repository, opens, wanted }: Choice): Kept {
  const clean = { ...repository, address: withoutSecret(repository.address) };
  return { profile, answers, source, listed, typed, repository: clean, opens, wanted };
}

/** The choice that `value` keeps, as far as the page still offers it; the rest as on a first visit. */
export function restored(page: Page, value: unknown): Choice {
  const fresh = firstChoice(page);
  const was = record(value);
  const profile = page.profiles.some(({ slug }) => slug === was["profile"]) ? String(was["profile"]) : fresh.profile;
  return {
    profile,
    answers: Object.fromEntries(
      page.profiles.map((one) => [one.slug, { ...fresh.answers[one.slug], ...answersOf(one, record(record(was["answers"])[one.slug])) }]),
    ),
    source: oneOf(["listed", "typed", "repository"], was["source"]) ?? fresh.source,
    listed: text(was["listed"]) ?? fresh.listed,
    typed: text(was["typed"]) ?? fresh.typed,
    repository: repositoryOf(record(was["repository"]), fresh.repository),
    opens: was["opens"] ? texts(record(was["opens"])) : fresh.opens,
    wanted: text(was["wanted"]) ?? fresh.wanted,
    left: [],
  };
}

function answersOf(profile: Profile, was: Record<string, unknown>): Record<string, Answer> {
  const found: Record<string, Answer> = {};
  for (const [key, option] of resourceOptions(profile)) {
    const { choice, text: typed } = texts(record(was[key]));
    const offered = choice === OTHER ? option.unlisted_choice?.enabled : choice !== undefined && Object.hasOwn(option.choices ?? {}, choice);
    if (choice !== undefined && offered) found[key] = { choice, text: typed ?? "" };
  }
  return found;
}

const repositoryOf = (was: Record<string, unknown>, fresh: Repository): Repository => ({
  address: text(was["address"]) ?? fresh.address,
  ref: text(was["ref"]) ?? fresh.ref,
  subdir: text(was["subdir"]) ?? fresh.subdir,
  asOf: oneOf(["today", "commit", "date"], was["asOf"]) ?? fresh.asOf,
  date: text(was["date"]) ?? fresh.date,
  refresh: was["refresh"] === true,
});

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

const oneOf = <T extends string>(names: readonly T[], value: unknown): T | undefined => names.find((name) => name === value);

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const texts = (value: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
