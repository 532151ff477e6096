// What the service says, in the reader's language as far as the catalogue has it: its sentences come in English.
import { filled, spoken, type Words } from "./language";

export interface Told {
  text: string;
  /** It stayed English on a page in another language. */
  foreign: boolean;
}

interface Pattern {
  matches: RegExp;
  names: readonly string[];
  words: string;
}

const known = new WeakMap<Words["service"], readonly Pattern[]>();

/** A sentence, or a few of them, as the service wrote them: of several, all or none are in the reader's language. */
export function told(text: string): Told {
  if (!text) return { text, foreign: false };
  const words = spoken();
  const sentences = text.split(/(?<=[.!?]) (?=[A-Z`])/);
  const each = sentences.length > 1 ? sentences.map((sentence) => translated(words, sentence)) : [null];
  const known = each.every((one) => one !== null) ? each.join(" ") : translated(words, text);
  if (known !== null) return { text: known, foreign: false };
  // What the page says itself comes in its reader's language.
  return { text, foreign: words.language.split("-")[0] !== "en" && !Object.values(words.page).includes(text) };
}

/** One sentence, null if there are no words for it. */
function translated(words: Words, text: string): string | null {
  const exact = words.service[text];
  if (exact !== undefined) return exact;
  for (const { matches, names, words: found } of patterns(words)) {
    const parts = matches.exec(text);
    if (parts) return filled(found, Object.fromEntries(names.map((name, index) => [name, name === "advice" ? told(parts[index + 1] ?? "").text : (parts[index + 1] ?? "")])));
  }
  return null;
}

/** What an error of this code means in general; "" where the catalogue does not say. */
export const meaningOf = (code: string): string => spoken().codes[code] ?? "";

/** The sentences with something between braces, the longest first: they say most of what is meant. */
function patterns(words: Words): readonly Pattern[] {
  const found =
    known.get(words.service) ??
    Object.entries(words.service)
      .filter(([english]) => english.includes("{"))
      .sort(([one], [other]) => fixed(other) - fixed(one))
      .map(([english, translated]) => patternOf(english, translated));
  known.set(words.service, found);
  return found;
}

const fixed = (text: string): number => text.replace(/\{\w+\}/g, "").length;

function patternOf(english: string, words: string): Pattern {
  const names = [...english.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const fixedParts = english.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return { matches: new RegExp(`^${fixedParts.join("([^]*?)")}$`), names, words };
}
