// What the user has chosen so far; the whole logic of the form, apart from what is drawn.
import type { Environment } from "../../lib/api-types";
import { IMAGE, defaultChoice, imageOption, resourceOptions, type Page, type Profile } from "../../lib/page";
import type { Remembered } from "../../lib/remembered";

export type Source = "listed" | "typed" | "repository";

/** A resource's answer: one of its choices, or `OTHER` and the text typed. */
export interface Answer {
  choice: string;
  text: string;
}

/** The choice that stands for a text of one's own. */
export const OTHER = "--other";

export interface Repository {
  address: string;
  ref: string;
  subdir: string;
  asOf: "today" | "commit" | "date";
  date: string;
  refresh: boolean;
}

export interface Choice {
  profile: string;
  /** Answers by profile and option, so that going back to a profile finds them again. */
  answers: Record<string, Record<string, Answer>>;
  source: Source;
  /** `choice:<key>` or `saved:<id>`. */
  listed: string;
  typed: string;
  repository: Repository;
  /** Path to open in a repository's environment. */
  open: string;
  /** Image of last time, to be found among the saved environments when these arrive. */
  wanted: string;
  /** Fields that the user has left, so that complaints about them are due. */
  left: readonly string[];
}

export type ChoiceEvent =
  | { type: "profile"; slug: string }
  | { type: "answer"; key: string; change: Partial<Answer> }
  | { type: "source"; source: Source }
  | { type: "listed"; listed: string }
  | { type: "typed"; text: string }
  | { type: "repository"; change: Partial<Repository> }
  | { type: "open"; path: string }
  | { type: "left"; fields: readonly string[] }
  | { type: "saved"; environments: readonly Environment[] };

export function reduce(state: Choice, event: ChoiceEvent): Choice {
  switch (event.type) {
    case "profile":
      return { ...state, profile: event.slug };
    case "answer":
      return withAnswer(state, event.key, event.change);
    case "source":
      return { ...state, source: event.source, wanted: "" };
    case "listed":
      return { ...state, listed: event.listed, wanted: "" };
    case "typed":
      return { ...state, typed: event.text };
    case "repository":
      return { ...state, repository: { ...state.repository, ...event.change }, wanted: "" };
    case "open":
      return { ...state, open: event.path };
    case "left":
      return { ...state, left: [...new Set([...state.left, ...event.fields])] };
    case "saved":
      return withSaved(state, event.environments);
  }
}

function withAnswer(state: Choice, key: string, change: Partial<Answer>): Choice {
  const mine = state.answers[state.profile] ?? {};
  const answer = { choice: "", text: "", ...mine[key], ...change };
  return { ...state, answers: { ...state.answers, [state.profile]: { ...mine, [key]: answer } } };
}

/** Saved environments have arrived: the one used last time becomes the choice, unless the user was quicker. */
function withSaved(state: Choice, environments: readonly Environment[]): Choice {
  const found = state.wanted && environments.find((environment) => environment.image === state.wanted);
  return found ? { ...state, source: "listed", listed: `saved:${found.id}`, wanted: "" } : state;
}

/** The choice that the page opens with: last time's, else the admin's defaults. */
export function firstChoice(page: Page, remembered: Remembered | null): Choice {
  const before = new Map(Object.entries(page.chosen).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
  const slug = remembered?.profile ?? before.get("profile");
  const profile = page.profiles.find((one) => one.slug === slug) ?? defaultProfile(page);
  const options = remembered?.options ?? Object.fromEntries(before);
  return {
    profile: profile?.slug ?? "",
    answers: Object.fromEntries(page.profiles.map((one) => [one.slug, answersOf(one, one === profile ? options : {})])),
    ...environmentOf(profile, before),
    open: remembered?.open ?? before.get("hubkiln-open") ?? "",
    left: [],
  };
}

export const defaultProfile = (page: Page): Profile | undefined => page.profiles.find((one) => one.default) ?? page.profiles[0];

function answersOf(profile: Profile, chosen: Record<string, string>): Record<string, Answer> {
  return Object.fromEntries(
    resourceOptions(profile).map(([key, option]): [string, Answer] => {
      const text = chosen[`${key}--unlisted-choice`];
      if (text && option.unlisted_choice?.enabled) return [key, { choice: OTHER, text }];
      const choice = chosen[key];
      const known = choice !== undefined && choice in (option.choices ?? {});
      return [key, { choice: known ? choice : defaultChoice(option) || OTHER, text: "" }];
    }),
  );
}

function environmentOf(profile: Profile | undefined, before: ReadonlyMap<string, string>) {
  const option = imageOption(profile);
  const image = before.get(`${IMAGE}--unlisted-choice`) ?? "";
  const address = before.get(`${IMAGE}--unlisted-choice--repo`) ?? "";
  const listed = before.get(IMAGE) ?? "";
  const known = listed in (option?.choices ?? {});
  const built = address !== "" || listed === "--extra-selectable-item";
  const source: Source = known || (!image && !address) ? "listed" : built ? "repository" : "typed";
  return {
    source,
    listed: `choice:${known ? listed : option ? defaultChoice(option) : ""}`,
    typed: built ? "" : image,
    repository: { ...NO_REPOSITORY, address, ref: before.get(`${IMAGE}--unlisted-choice--ref`) ?? "" },
    wanted: known ? "" : image,
  };
}

export const NO_REPOSITORY: Repository = { address: "", ref: "", subdir: "", asOf: "today", date: "", refresh: false };
