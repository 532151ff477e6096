// The page in its reader's language: the code has the English words, the hub sends the other languages' catalogues.

/** A sentence, or one for each of the language's plural forms. */
type Entry = string | Partial<Record<Intl.LDMLPluralRule, string>>;

export interface Words {
  /** The language's tag, such as `de` or `pt-BR`. */
  language: string;
  /** The page's own words, by their English. */
  page: Readonly<Record<string, Entry>>;
  /** What the service says, by its English, with a name between braces for each part that varies; comes behind the page. */
  service: Readonly<Record<string, string>>;
  /** What each code of an error means in general. */
  codes: Readonly<Record<string, string>>;
}

export type Values = Readonly<Record<string, string | number>>;

const ENGLISH: Words = { language: "en", page: {}, service: {}, codes: {} };

let words: Words = (globalThis as { hubkilnWords?: Words }).hubkilnWords ?? ENGLISH;

/** Sets the language; nothing is what the hub sent with the page. */
export function speak(given: Words = ENGLISH): void {
  words = given;
}

export const language = (): string => words.language;

export const spoken = (): Words => words;

/** The event of the window that tells that the service's sentences have come. */
export const SERVICE_WORDS = "hubkiln-words";

/** `text`, whose English is found in the catalogue, with `values` in the place of `{name}`. */
export function t(text: string, values: Values = {}): string {
  const found = words.page[text];
  return filled(typeof found === "string" ? found : text, values);
}

/** As `t`, by the plural form that `count` has in the language; the count is `{n}`. */
export function tn(count: number, one: string, other: string, values: Values = {}): string {
  const found = words.page[other];
  const forms = typeof found === "object" ? found : { one, other };
  const text = forms[new Intl.PluralRules(language()).select(count)] ?? forms.other ?? other;
  return filled(text, { n: count, ...values });
}

/** Marks words in a table, which are looked up with `t` when they are shown. */
export const word = (text: string): string => text;

export const number = (value: number, digits = 0): string =>
  value.toLocaleString(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** The things named, as the language enumerates them: `A, B and C`. */
export const listed = (names: readonly string[]): string => new Intl.ListFormat(language(), { type: "conjunction" }).format(names);

export function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : value;
  });
}
