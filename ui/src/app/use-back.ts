// The browser's Back leads from a build to the form, as it does between pages; the build goes on.
import { useEffect, useRef } from "preact/hooks";
import { forgetLines, linesIn } from "../features/build/use-lines";

const STEP = { hubkiln: "build" };

const onStep = (): boolean => (window.history.state as { hubkiln?: string } | null)?.hubkiln === STEP.hubkiln;

/** Calls `leave` when the user goes back while a build is shown; `build` is its id, or null while choosing. */
export function useBack(build: string | null, leave: () => void): void {
  const latest = useRef({ build, leave });
  latest.current = { build, leave };
  const shown = useRef(false);
  const undoing = useRef(false);
  useEffect(() => {
    if (build && !onStep()) window.history.pushState(STEP, "");
    if (!build && shown.current && onStep()) {
      // Left by a button of the page: its step is undone, so that Back then leads off the page.
      undoing.current = true;
      window.history.back();
    }
    shown.current = Boolean(build);
  }, [Boolean(build)]);
  useEffect(() => {
    const onPop = () => {
      const ours = undoing.current;
      undoing.current = false;
      if (!latest.current.build) forgetLines();
      if (!latest.current.build || onStep()) return;
      if (linesIn(window.location.hash)) window.history.replaceState(STEP, ""); // another line of the log was asked for
      else if (ours) window.history.pushState(STEP, "");
      else latest.current.leave();
    };
    window.addEventListener("popstate", onPop);
    return () => {
      window.removeEventListener("popstate", onPop);
    };
  }, []);
}
