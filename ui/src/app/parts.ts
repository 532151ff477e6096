// Parts of the pages that come after their first scripts.
import { useEffect } from "preact/hooks";
import { later, whenIdle } from "../components/later";
import { t } from "../lib/language";

export const BuildPanel = later(async () => (await import("../features/build/build-panel")).BuildPanel, () => t("Finding your build…"));

/** Brings them once the page has time, so that nobody waits for them. */
export function usePartsSoon(): void {
  useEffect(() => {
    whenIdle(BuildPanel.soon);
  }, []);
}
