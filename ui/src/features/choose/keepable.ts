// The part of the choice that a reload of this tab should find again.
import type { Remembered } from "../../lib/remembered";
import { OTHER, type Choice } from "./choice";

export function keepable(choice: Choice, build: string | null): Remembered {
  const answers = Object.entries(choice.answers[choice.profile] ?? {});
  const options = answers.map(([key, { choice: chosen, text }]) => (chosen === OTHER ? [`${key}--unlisted-choice`, text] : [key, chosen]));
  return { build, profile: choice.profile, options: Object.fromEntries(options) as Record<string, string>, open: choice.open };
}
