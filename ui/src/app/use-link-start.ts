// A link that an admin listed starts without another press; every other waits for the user.
import { useEffect, useRef } from "preact/hooks";
import { OTHER } from "../features/choose/choice";
import type { Recognised } from "../lib/api-types";
import type { Page } from "../lib/page";
import type { Actions } from "./actions";
import type { Visit } from "./use-visit";

export function useLinkStart(page: Page, visit: Visit, actions: Actions): void {
  const done = useRef(false);
  const ready = page.linked && !page.problem && mayStart(page, visit);
  useEffect(() => {
    if (!ready || done.current) return;
    done.current = true;
    actions.press();
  }, [ready]);
}

/** Whether all that the link asks for is listed. */
function mayStart(page: Page, { now, choice, recognition, flow }: Visit): boolean {
  if (flow.build ?? flow.sending) return false;
  if (now.source === "repository") return isListed(page, recognition.found);
  if (!page.autoStart || Object.values(choice.answers[choice.profile] ?? {}).some((answer) => answer.choice === OTHER)) return false;
  if (now.source === "typed") return page.startByLink.images.some((image) => beginsWith(choice.typed, image, "/:@"));
  return now.picked?.kind === "choice";
}

/** Whether a repository lies below a source that is listed. */
export function isListed({ startByLink }: Page, found: Recognised | null): boolean {
  const spec = found?.kind === "repository" ? found.spec : null;
  if (!spec || spec.packages?.length) return false; // whoever wrote the link may have added anything
  const named = `${spec.provider}/${spec.repository}`;
  const fold = (text: string) => (spec.provider === "gh" ? text.toLowerCase() : text);
  return startByLink.sources.some((source) => beginsWith(fold(named), fold(source), "/"));
}

const beginsWith = (text: string, listed: string, ends: string): boolean =>
  text === listed || (text.startsWith(listed) && ends.includes(text.charAt(listed.length)));
