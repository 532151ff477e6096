// What the user has chosen so far; the whole logic of the form, apart from what is drawn.
import type { Environment, Recognised, Spec } from "../../lib/api-types";
import { asTyped } from "../../lib/opening";
import { IMAGE, defaultChoice, imageOption, resourceOptions, type Page, type Profile } from "../../lib/page";
import { addressOf, isList, refOf } from "../../lib/spec";
import type { Resources } from "./kept-resources";

export type Source = "listed" | "typed" | "repository";

/** A resource's answer: one of its choices, or `OTHER` and the text typed. */
export interface Answer {
  choice: string;
  text: string;
}

/** The choice that stands for a text of one's own. */
export const OTHER = "--other";

/** Whose path it is, of those in `opens`: that of what is built from the repository fields. */
export const REPOSITORY = "repository";

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
  /** Paths to open, each in its own environment: by `REPOSITORY` and by `saved:<id>`. */
  opens: Record<string, string>;
  /** Image of last time, to be found among the saved environments when these arrive. */
  wanted: string;
  /** Fields that the user has left, so that complaints about them are due. */
  left: readonly string[];
}

export type ChoiceEvent =
  | { type: "profile"; slug: string }
  | { type: "answer"; key: string; change: Partial<Answer> }
  | { type: "source"; source: Source }
  | { type: "listed"; listed: string; resources?: Resources | null }
  | { type: "resources"; resources: Resources }
  | { type: "typed"; text: string }
  | { type: "repository"; change: Partial<Repository> }
  | { type: "open"; of: string; path: string }
  | { type: "found"; spec: Spec }
  | { type: "understood"; found: Recognised }
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
      return withResources({ ...state, listed: event.listed, wanted: "" }, event.resources);
    case "resources":
      return withResources(state, event.resources);
    case "typed":
      return { ...state, typed: event.text, wanted: "" };
    case "repository":
      return { ...state, repository: { ...state.repository, ...event.change }, wanted: "" };
    case "open":
      return { ...state, opens: { ...state.opens, [event.of]: event.path } };
    case "found":
      return { ...state, source: "repository", repository: filledIn(event.spec), opens: { ...state.opens, [REPOSITORY]: "" }, wanted: "" };
    case "understood":
      return understood(state, event.found);
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

/** An environment that keeps resources brings them. */
const withResources = (state: Choice, resources: Resources | null | undefined): Choice =>
  resources ? { ...state, profile: resources.profile, answers: { ...state.answers, [resources.profile]: resources.answers } } : state;

/** What was pasted is written as people write it; what a link opens is opened, unless the user named something. */
function understood(state: Choice, { spec, opens }: Recognised): Choice {
  if (!spec || isList(state.repository.address)) return state; // lines stay as they are written
  const repository = { ...state.repository, address: addressOf(spec), ref: refOf(spec), subdir: spec.subdir };
  const open = (state.opens[REPOSITORY] ?? "") || asTyped(opens);
  return { ...state, repository, opens: open ? { ...state.opens, [REPOSITORY]: open } : state.opens };
}

/** Saved environments have arrived: the one used last time becomes the choice, unless the user was quicker. */
function withSaved(state: Choice, environments: readonly Environment[]): Choice {
  const found = state.wanted && environments.find((environment) => environment.image === state.wanted);
  if (!found) return state;
  const listed = `saved:${found.id}`;
  const opens = { ...state.opens, [listed]: state.opens[REPOSITORY] ?? "" };
  // Should it be forgotten, its repository can be built again: as the service names it, not as the last form did.
  return { ...state, source: "listed", listed, repository: filledIn(found.spec), opens, wanted: "" };
}

/** The repository fields as whoever asked for `spec` may have filled them in. */
export const filledIn = (spec: Spec): Repository => ({ ...NO_REPOSITORY, address: addressOf(spec), ref: refOf(spec), subdir: spec.subdir });

/** The choice that the page opens with: last time's, else the admin's defaults. */
export function firstChoice(page: Page): Choice {
  const before = new Map(Object.entries(page.chosen).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
  const slug = before.get("profile");
  const profile = page.profiles.find((one) => one.slug === slug) ?? defaultProfile(page);
  const options = Object.fromEntries(before);
  const open = before.get("hubkiln-open") ?? asTyped(page.opens);
  return {
    profile: profile?.slug ?? "",
    answers: Object.fromEntries(page.profiles.map((one) => [one.slug, answersOf(one, one === profile ? options : {})])),
    ...environmentOf(profile, before),
    ...(page.environment ? { source: "listed" as const, listed: `saved:${page.environment}`, wanted: "" } : {}),
    opens: open ? { [REPOSITORY]: open } : {},
    // What a link names is complete, so what is wrong with it is said at once.
    left: page.linked ? ["repository"] : [],
  };
}

export const defaultProfile = (page: Page): Profile | undefined => page.profiles.find((one) => one.default) ?? page.profiles[0];

export function answersOf(profile: Profile, chosen: Readonly<Record<string, string>>): Record<string, Answer> {
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
  const building = listed === "--extra-selectable-item";
  const built = address !== "" || building;
  const source: Source = known || (!image && !address && !building) ? "listed" : built ? "repository" : "typed";
  return {
    source,
    listed: `choice:${known ? listed : option ? defaultChoice(option) : ""}`,
    typed: built ? "" : image,
    repository: {
      ...{ ...NO_REPOSITORY, address, subdir: before.get(`${IMAGE}--unlisted-choice--subdir`) ?? "" },
      ref: (before.get(`${IMAGE}--unlisted-choice--ref`) ?? "").replace(/^HEAD$/, ""),
    },
    wanted: known ? "" : image,
  };
}

export const NO_REPOSITORY: Repository = { address: "", ref: "", subdir: "", asOf: "today", date: "", refresh: false };
