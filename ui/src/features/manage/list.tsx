// The list of environments, fifty at a time: found, sorted and filtered by the service.
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import type { Build } from "../../lib/api-types";
import { t } from "../../lib/language";
import { useNewer } from "../../lib/newer";
import type { Page } from "../../lib/page";
import type { Service } from "../../lib/service";
import { Asking } from "./asking";
import { listed, order, PAGE, type Asked, type Listed, type Order } from "./api";
import type { Server } from "./servers";
import { Table } from "./table";
import { useTask } from "./use-task";

interface Props {
  page: Page;
  service: Service;
  asked: Asked;
  ask: (asked: Asked) => void;
  /** The user's servers. */
  servers: readonly Server[];
  /** Shows a build in place of all this. */
  watch: (build: Build) => void;
}

export function EnvironmentList({ page, service, asked, ask, servers, watch }: Props) {
  const { found, busy, problem, again } = useListed(service, asked);
  const newer = useNewer(service, found?.environments.map(({ id }) => id) ?? []);
  const ordering = useTask();
  const act = (id: string, what: Order) => {
    ordering.run(async () => {
      watch(await order(service, id, what));
    });
  };
  return (
    <section aria-label={t("Environments")} aria-busy={busy}>
      <Asking {...{ page, asked, ask }} />
      {problem && (
        <ProblemNotice problem={problem}>
          <Button onClick={again}>{t("Try again")}</Button>
        </ProblemNotice>
      )}
      {ordering.problem && <ProblemNotice problem={ordering.problem} takesFocus />}
      {found && found.total === 0 && <Nothing asked={asked} ask={ask} />}
      {found && found.environments.length > 0 && <Table {...{ page, asked, ask, servers, newer, act }} now={service.now()} environments={found.environments} />}
      <Pager {...{ asked, ask, total: found?.total ?? 0, busy }} />
    </section>
  );
}

function Nothing({ asked, ask }: Pick<Props, "asked" | "ask">) {
  const { words, state, whose } = asked;
  if (!words && !state && !whose) return <p class="hk-empty">{t("You have no environments yet. Build a repository or a list of packages, and it is kept here.")}</p>;
  return (
    <div class="hk-empty">
      <p>{words && !state && !whose ? t("No environment has these words.") : t("No environment is like that.")}</p>
      <Button onClick={() => { ask({ ...asked, words: "", state: "", whose: "", offset: 0 }); }}>{t("Show all")}</Button>
    </div>
  );
}

/** How often what is shown is asked again while something in it is not known yet, and after how many milliseconds. */
export const AGAIN = [1500, 3000, 6000, 12_000];
const WHILE_BUILDING = 5000;

function useListed(service: Service, asked: Asked) {
  const [found, setFound] = useState<Listed | null>(null);
  const [round, setRound] = useState(0);
  const looked = useRef(0);
  const task = useTask();
  useEffect(() => {
    const gone = new AbortController();
    task.run(async () => {
      if (asked.words) await service.ports.wait(200, gone.signal).catch(() => undefined);
      if (gone.signal.aborted) return;
      const answer = await listed(service, asked);
      if (!gone.signal.aborted) setFound(answer);
    });
    return () => {
      gone.abort(new Error("other words"));
    };
  }, [asked, service, round]);
  useEffect(() => {
    looked.current = 0;
  }, [asked]);
  useEffect(() => {
    const pause = found && pauseFor(found, looked.current);
    if (!pause) return undefined;
    const gone = new AbortController();
    looked.current++;
    const next = () => { setRound((last) => last + 1); };
    service.ports.wait(pause, gone.signal).then(next).catch(() => undefined);
    return () => {
      gone.abort(new Error("news"));
    };
  }, [found]);
  return { found, busy: task.busy, problem: task.problem, again: () => { setRound((last) => last + 1); } };
}

/** Milliseconds until there may be news of what is listed; nothing if there will be none. */
export function pauseFor({ environments }: Listed, looked: number): number | undefined {
  if (environments.some(({ state }) => state === "building")) return WHILE_BUILDING;
  return environments.some(({ state, bytes }) => state !== "gone" && bytes === null) ? AGAIN[looked] : undefined;
}

function Pager({ asked, ask, total, busy }: Pick<Props, "asked" | "ask"> & { total: number; busy: boolean }) {
  const last = Math.min(asked.offset + PAGE, total);
  const to = (offset: number) => () => {
    ask({ ...asked, offset });
  };
  return (
    <div class="hk-pager">
      <p role="status">{busy && !total ? t("Looking…") : total > 0 ? t("{first}–{last} of {total}", { first: asked.offset + 1, last, total }) : ""}</p>
      {total > PAGE && (
        <>
          <Button disabled={asked.offset === 0} onClick={to(Math.max(0, asked.offset - PAGE))}>
            {t("Previous")}
          </Button>
          <Button disabled={last >= total} onClick={to(asked.offset + PAGE)}>
            {t("Next")}
          </Button>
        </>
      )}
    </div>
  );
}
