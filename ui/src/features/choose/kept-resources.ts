// The resources that an environment keeps: a profile and its options, in the words in which KubeSpawner keeps them.
import { t } from "../../lib/language";
import { imageOption, resourceOptions, type Page, type Profile } from "../../lib/page";
import { OTHER, answersOf, type Answer, type Choice } from "./choice";
import { takesBuilt } from "./offers";

export type KeptResources = Record<string, string>;

/** A profile with answers to all its options. */
export interface Resources {
  profile: string;
  answers: Record<string, Answer>;
}

/** Whether there is anything to choose. */
export const offersResources = (page: Page): boolean => page.profiles.length > 1 || page.profiles.some((profile) => resourceOptions(profile).length > 0);

/** What to keep of `choice`: all that is chosen but the environment. */
export function keptOf(page: Page, { profile, answers }: Choice): KeptResources {
  const chosen = page.profiles.find(({ slug }) => slug === profile);
  if (!chosen || !offersResources(page)) return {};
  const given = resourceOptions(chosen).map(([key]): [string, string] => {
    const { choice = "", text = "" } = answers[profile]?.[key] ?? {};
    return choice === OTHER ? [`${key}--unlisted-choice`, text.trim()] : [key, choice];
  });
  return Object.fromEntries([["profile", profile], ...given.filter(([, value]) => value)]);
}

/** What to choose for an environment that keeps `kept`, as far as this user may; null if it keeps nothing, or nothing that they may. */
export function resourcesOf(page: Page, kept: KeptResources | undefined): Resources | null {
  const profile = offered(page, kept);
  return kept && profile ? { profile: profile.slug, answers: answersOf(profile, kept) } : null;
}

const offered = (page: Page, kept: KeptResources | undefined): Profile | undefined =>
  page.profiles.find((one) => one.slug === kept?.["profile"] && takesBuilt(imageOption(one)));

/** What it starts with, in the admin's words; "" if it keeps nothing. */
export function saidOf(page: Page, kept: KeptResources | undefined): string {
  if (!kept?.["profile"]) return "";
  const profile = offered(page, kept);
  if (!profile) return t("“{name}”, which is not offered to you", { name: kept["profile"] });
  const answers = answersOf(profile, kept);
  const options = resourceOptions(profile);
  const alone = page.profiles.length === 1 && options.length === 1;
  const said = options.map(([key, option]) => {
    const { choice, text } = answers[key] ?? { choice: "", text: "" };
    const answer = choice === OTHER ? text : (option.choices?.[choice]?.display_name ?? "");
    return alone ? answer : `${option.display_name}: ${answer}`;
  });
  return [...(page.profiles.length > 1 ? [profile.display_name] : []), ...said].join(", ");
}
