// jupyterhub-fancy-profiles' permalinks: choices in the address behind `#fancy-forms-config=`.
import type { Page } from "./page";
import { t } from "./language";

const NAME = "fancy-forms-config";

/** What such a link at `hash` changes of the page; null without one. */
export function readPermalink(hash: string): Partial<Page> | null {
  const text = new URLSearchParams(hash.replace(/^#/, "")).get(NAME);
  if (text === null) return null;
  let given: Record<string, unknown>;
  try {
    given = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { problem: t("The link is damaged: what it asks for cannot be read.") };
  }
  const chosen: Record<string, string> = {};
  for (const [key, value] of Object.entries(given)) if (typeof value === "string") take(chosen, key, value, given);
  return { chosen, linked: true, autoStart: given["autoStart"] === "true", opens: pulled(given) };
}

function take(chosen: Record<string, string>, key: string, value: string, given: Record<string, unknown>): void {
  const [option = "", part] = key.split(":");
  const unlisted = `${option}--unlisted-choice`;
  if (option === "autoStart" || option === "gitPuller" || !value) return;
  if (part === undefined) chosen[option] ??= value;
  else if (part === "unlisted_choice") chosen[unlisted] = value;
  else if (part === "ref") chosen[`${unlisted}--ref`] = value;
  else if (part === "binderRepo") {
    const provider = given[`${option}:binderProvider`];
    const named = typeof provider === "string" && provider && !value.includes("://");
    chosen[option] = "--extra-selectable-item";
    chosen[`${unlisted}--repo`] = named ? `${provider}/${value}` : value;
  }
}

/** Its repository with files, which nbgitpuller brings. */
function pulled(given: Record<string, unknown>): string {
  const asked = new URLSearchParams();
  for (const [name, key] of [["repo", "gitPuller:repo"], ["branch", "gitPuller:branch"], ["urlpath", "gitPuller:filePath"]] as const) {
    const value = given[key];
    if (typeof value === "string" && value) asked.set(name, value);
  }
  return asked.has("repo") ? `git-pull?${asked.toString()}` : "";
}
