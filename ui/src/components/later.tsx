// A part of the page whose script comes after the first one: once the page has time, and at the latest when it is shown.
import type { ComponentChild, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../lib/language";
import { Button } from "./button";
import { ProblemNotice } from "./notice";

export interface Later<P> {
  (props: P): ComponentChild;
  /** Brings it before anybody needs it. */
  soon: () => void;
}

/** What `load` brings, with `waiting` in its place until it is there. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, waiting: () => string): Later<P> {
  let Found: ComponentType<P> | null = null;
  let coming: Promise<void> | null = null;
  const bring = (): Promise<void> => {
    coming ??= load().then(
      (it) => { Found = it; },
      (error: unknown) => {
        coming = null;
        throw error;
      },
    );
    return coming;
  };
  const Part = (props: P) => {
    const [lost, setLost] = useState(false);
    const [, setThere] = useState(Boolean(Found));
    const look = () => {
      setLost(false);
      bring().then(
        () => { setThere(true); },
        () => { setLost(true); },
      );
    };
    useEffect(look, []);
    if (Found) return <Found {...props} />;
    if (!lost) return <p>{waiting()}</p>;
    const problem = { code: "unreachable", own: true, message: t("A part of this page did not arrive."), hint: t("Try again, or load the page anew: nothing is lost.") } as const;
    return (
      <ProblemNotice problem={problem} takesFocus>
        <Button weight="primary" onClick={look}>{t("Try again")}</Button>
      </ProblemNotice>
    );
  };
  Part.soon = () => {
    bring().catch(() => undefined); // who shows it says so
  };
  return Part;
}

/** Does `work` once the browser has nothing else to do. */
export function whenIdle(work: () => void): void {
  if ("requestIdleCallback" in window) window.requestIdleCallback(work);
  else setTimeout(work, 200);
}
