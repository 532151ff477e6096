// The browser's Back leads from a build to the form, as it does between pages, and Forward to the build; it goes on.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { oneBuild } from "../features/build/api";
import { forgetLines, linesIn } from "../features/build/use-lines";
import type { Build } from "../lib/api-types";
import type { Service } from "../lib/service";

interface Step {
  hubkiln: "build";
  build: string;
}

const step = (build: string): Step => ({ hubkiln: "build", build });

/** The build that the page's place in the history is of. */
const stepOf = (): string | null => {
  const state = window.history.state as Partial<Step> | null;
  return state?.hubkiln === "build" ? (state.build ?? "") : null;
};

const onStep = (): boolean => stepOf() !== null;

/**
 * Calls `leave` when the user goes back while a build is shown, and `again` with it, as it stands, when forward to it.
 *
 * `build` is its id, or null while choosing. Nothing happens if the build is not to be had any more.
 */
export function useBack(service: Service, build: string | null, leave: () => void, again: (build: Build) => void): void {
  const latest = useRef({ build, leave, again });
  latest.current = { build, leave, again };
  const shown = useRef(false);
  const undoing = useRef(false);
  useLayoutEffect(() => { // before anybody can press Back
    if (build && !onStep()) window.history.pushState(step(build), "");
    else if (build && stepOf() !== build) window.history.replaceState(step(build), "");
    if (!build && shown.current && onStep()) {
      // Left by a button of the page: its step is undone, so that Back then leads off the page.
      undoing.current = true;
      window.history.back();
    }
    shown.current = Boolean(build);
  }, [build]);
  useEffect(() => {
    const onPop = () => {
      const ours = undoing.current;
      undoing.current = false;
      const shown = latest.current.build;
      const wanted = stepOf();
      if (!shown && wanted && !ours) oneBuild(service, wanted).then(latest.current.again, () => undefined);
      else if (!shown) forgetLines();
      if (!shown || onStep()) return;
      if (linesIn(window.location.hash)) window.history.replaceState(step(shown), ""); // another line of the log was asked for
      else if (ours) window.history.pushState(step(shown), "");
      else latest.current.leave();
    };
    window.addEventListener("popstate", onPop);
    return () => {
      window.removeEventListener("popstate", onPop);
    };
  }, []);
}
