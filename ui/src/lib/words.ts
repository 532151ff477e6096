// What programs say, made fit to be read on a page.
import { number, t } from "./language";

/** Escape sequences of terminals, and all control characters but the tab and the newline. */
const CONTROLS = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** `text` without colours and cursor movements. */
export const plainWords = (text: string): string => text.replace(CONTROLS, "");

/** Bytes as people say them: `850 MB`, `1.2 GB`. */
export function size(bytes: number): string {
  if (bytes >= 1e9) return t("{size} GB", { size: number(bytes / 1e9, 1) });
  return bytes >= 1e6 ? t("{size} MB", { size: number(bytes / 1e6) }) : t("{size} kB", { size: Math.ceil(bytes / 1000) });
}
