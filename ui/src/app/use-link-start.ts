// A link that an admin listed starts without another press; every other waits for the user.
import { useEffect, useRef } from "preact/hooks";
import { OTHER } from "../features/choose/choice";
import type { Page } from "../lib/page";
import type { Actions } from "./actions";
import { asksMore, isListed, isListedImage } from "./listed";
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
  if (asksMore([page.opens, recognition.found?.opens ?? "", ...Object.values(choice.opens)])) return false;
  if (now.source === "repository") return isListed(page, recognition.found);
  if (!page.autoStart || Object.values(choice.answers[choice.profile] ?? {}).some((answer) => answer.choice === OTHER)) return false;
  if (now.source === "typed") return isListedImage(page, choice.typed);
  return now.picked?.kind === "choice";
}
