// The build in place of the form: where it is, its log, how it ended, and what can be done now.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useClock } from "../../components/clock";
import { useTitle } from "../../components/title";
import type { Build } from "../../lib/api-types";
import { t } from "../../lib/language";
import type { Service } from "../../lib/service";
import { doing } from "../../lib/phases";
import { hostOf, refOf, shortCommit } from "../../lib/spec";
import { duration } from "../../lib/time";
import { isOver, type WatchEvent, type Watched } from "./build";
import type { AskedFor, Fix } from "./fixes";
import { LogTools } from "./log-tools";
import { LogView } from "./log-view";
import { Outcome } from "./outcome";
import { Plan } from "./plan";
import { TellMe } from "./tell-me";
import { Stepper } from "./stepper";
import { useEarlier } from "./use-earlier";
import { numbersOf, useLines } from "./use-lines";
import { useSearch } from "./use-search";
import { useWatch } from "./use-watch";

export interface PanelProps {
  service: Service;
  first: Build;
  /** The environment is ready: told once, at once if it is so already. */
  onReady: (build: Build) => void;
  onStart: (build: Build) => void;
  /** Back to the form, to change what was asked for. */
  onChange: () => void;
  /** Puts right what made it fail; where there is no form, nothing does. */
  onFix?: (fix: Fix) => void;
  /** Which day's packages were asked for. */
  asOf?: AskedFor["asOf"];
  /** What leads away from a build that has ended; without it a change of what was asked for. */
  back?: string;
  /** Back to the form; the build, if it still runs, goes on. */
  onLeave: () => void;
  /** Another build of the same has begun. */
  onAgain: (build: Build) => void;
  /** Says something to those who do not see the page. */
  say: (text: string) => void;
  /** How the server starts with this build, or null while it does not. */
  starting: ComponentChildren;
}

export function BuildPanel(props: PanelProps) {
  const { service, first, onReady, say, starting } = props;
  const [state, tell] = useWatch(service, first);
  const { build } = state;
  useEffect(() => {
    if (build.phase === "ready") onReady(build);
  }, [build.phase]);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    title.current?.focus();
    return () => {
      say("");
    };
  }, []);
  useEffect(() => {
    // The button that had the focus may be gone with what it was for.
    if (isOver(state) && document.activeElement === document.body) title.current?.focus();
  }, [build.phase, Boolean(starting)]);
  const phase = phaseWords(build, Boolean(starting));
  useEffect(() => {
    if (!starting) say(phase); // which the start says by itself
  }, [phase]);
  useTitle(`${phase} · ${build.title}`);
  return (
    <section class="hk-panel" aria-labelledby="hk-build-title">
      <header class="hk-panel-head">
        <h2 id="hk-build-title" tabIndex={-1} ref={title}>{build.title}</h2>
        <p class="hk-hint">{origin(build)}</p>
      </header>
      <Standing state={state} service={service} phase={phase} />
      <Stepper entered={state.entered} starting={Boolean(starting)} />
      {starting}
      <TellMe over={isOver(state)} title={build.title} text={phase} />
      <Plan state={state} />
      <Outcome state={state} tell={tell} {...props} />
      <Log state={state} tell={tell} service={service} />
    </section>
  );
}

function Log({ state, tell, service }: { state: Watched; tell: (event: WatchEvent) => void; service: Service }) {
  const earlier = useEarlier(service, state, tell);
  const search = useSearch(state.screen.pages);
  const lines = useLines(state.build.id);
  const numbers = numbersOf(state.screen, state.shown?.from);
  useEffect(() => {
    // Which line is the one of the link is known when the log is there from its beginning.
    if (lines.range && earlier.brings && !earlier.busy && !earlier.problem) earlier.more();
  }, [lines.range, earlier.brings, earlier.busy, earlier.lines, earlier.problem]);
  const { pages, open } = state.screen;
  if (isOver(state) && !pages.length && !open.length && !earlier.lines) return null; // it came to nothing before it said a word
  return (
    <>
      <LogView {...{ screen: state.screen, earlier, search, lines, numbers }} />
      <LogTools {...{ state, service, earlier, search, linked: lines.said }} />
    </>
  );
}

function origin(build: Build): string {
  const parts = [hostOf(build.spec), refOf(build.spec), build.commit && build.spec.provider !== "inline" ? t("commit {commit}", { commit: shortCommit(build.commit) }) : "", build.spec.subdir && t("folder {folder}", { folder: build.spec.subdir })];
  return parts.filter(Boolean).join(" · ");
}

function phaseWords({ phase, queue_position: place, queue_seconds: seconds }: Build, starting: boolean): string {
  if (starting) return t("Ready. Starting your server…");
  if (phase !== "queued" || !place) return doing(phase);
  const values = { doing: doing(phase), place };
  if (!seconds) return t("{doing}, place {place} in the queue", values);
  return t("{doing}, place {place} in the queue, about {minutes} min", { ...values, minutes: Math.max(1, Math.round(seconds / 60)) });
}

function Standing({ state, service, phase }: { state: Watched; service: Service; phase: string }) {
  const { build } = state;
  const now = useClock(service.now, !isOver(state));
  const end = build.finished ? Date.parse(build.finished) : now;
  return (
    <div class="hk-standing">
      <p class="hk-phase">{phase}</p>
      <p class="hk-elapsed">
        <span class="hk-unseen">{t("Elapsed:")} </span>
        {duration((end - Date.parse(build.created)) / 1000)}
      </p>
      <p class="hk-lost" role="status">
        {state.connection === "lost" && !isOver(state) && !state.problem && t("Connection lost, reconnecting… How the build stands shows when it is back.")}
      </p>
    </div>
  );
}
