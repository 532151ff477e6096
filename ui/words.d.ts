import type { Words } from "./src/lib/language";

/** The folder of catalogues. */
export const CATALOGUES: string;
/** The page's words as its code has them. */
export function pageWords(): Words["page"];
