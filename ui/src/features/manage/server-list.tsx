// The servers that run: open one, stop one; and at the hub's limit those that are stopped, to remove one.
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { t, tn } from "../../lib/language";
import type { Page } from "../../lib/page";
import type { Service } from "../../lib/service";
import { rootOf } from "../../lib/opening";
import { ago } from "../../lib/time";
import { isFull, isUp, stopServer, type Server } from "./servers";
import { useTask } from "./use-task";

interface Props {
  page: Page;
  service: Service;
  servers: readonly Server[];
  /** Asks the hub again. */
  reload: () => Promise<void>;
  /** Says something to those who do not see the page. */
  say: (text: string) => void;
}

/** Milliseconds between two looks at what starts or stops. */
const PAUSE = 1500;

export function ServerList({ page, service, servers, reload, say }: Props) {
  const task = useTask();
  const full = isFull(page, servers);
  const end = (name: string, remove: boolean) => {
    task.run(async () => {
      await stopServer(page, service, name, remove);
      await reload();
      const values = { name: name || t("the default server") };
      say(remove ? t("Removed: {name}", values) : t("Stopped: {name}", values));
    });
  };
  const shown = full ? servers : servers.filter(isUp);
  useEffect(() => {
    if (!servers.some(({ pending }) => pending)) return undefined;
    const gone = new AbortController();
    service.ports.wait(PAUSE, gone.signal).then(reload).catch(() => undefined);
    return () => {
      gone.abort(new Error("news"));
    };
  }, [servers]);
  if (!shown.length) return task.problem && <ProblemNotice problem={task.problem} />;
  return (
    <section aria-labelledby="hk-servers-title">
      <h2 id="hk-servers-title">{t("Your servers")}</h2>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      {full && <Full limit={page.namedServerLimit} />}
      <ul class="hk-versions">
        {shown.map((server) => (
          <li key={server.name}>
            <span>
              <strong>{titleOf(server)}</strong> · {standing(server, service.now())}
            </span>
            {isUp(server) ? <Up {...{ server, end }} busy={task.busy} /> : <Stopped {...{ page, server, end }} busy={task.busy} />}
          </li>
        ))}
      </ul>
      <Button weight="quiet" disabled={task.busy} onClick={() => { task.run(reload); }}>
        {t("Look again")}
      </Button>
    </section>
  );
}

const titleOf = ({ name }: Server): string => name || t("the default server");

interface OneProps {
  server: Server;
  /** Stops it, or removes it. */
  end: (name: string, remove: boolean) => void;
  busy: boolean;
}

function Up({ server, end, busy }: OneProps) {
  const title = titleOf(server);
  return (
    <span class="hk-buttons">
      <a class="hk-button hk-button-plain" href={server.url} aria-label={t("Open {name}", { name: title })}>
        {t("Open")}
      </a>
      <Button label={t("Stop {name}", { name: title })} disabled={busy || server.pending !== null} onClick={() => { end(server.name, false); }}>
        {t("Stop")}
      </Button>
    </span>
  );
}

/** One that keeps its name, and with some spawners a storage of its own: removed after asking. */
function Stopped({ page, server: { name }, end, busy }: OneProps & { page: Page }) {
  const [asking, ask] = useState(false);
  const question = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (asking) question.current?.focus(); // the button that asked is gone
  }, [asking]);
  if (asking) {
    return (
      <span class="hk-buttons">
        <span tabIndex={-1} ref={question}>{t("Files that this hub keeps for this server alone go with it.")}</span>
        <Button disabled={busy} onClick={() => { end(name, true); }}>
          {t("Remove it")}
        </Button>
        <Button weight="quiet" onClick={() => { ask(false); }}>
          {t("Keep it")}
        </Button>
      </span>
    );
  }
  return (
    <span class="hk-buttons">
      <a class="hk-button hk-button-plain" href={`${rootOf(page)}hub/spawn/${encodeURIComponent(page.user)}/${encodeURIComponent(name)}`} aria-label={t("Start {name}", { name })}>
        {t("Start")}
      </a>
      <Button label={t("Remove {name}", { name })} disabled={busy} onClick={() => { ask(true); }}>
        {t("Remove")}
      </Button>
    </span>
  );
}

/** How many there may be, and what to do for another. */
const Full = ({ limit }: { limit: number }) => (
  <div class="hk-notice hk-notice-told">
    <p class="hk-notice-title">{tn(limit, "You have the {n} server beside the default one that this hub allows.", "You have the {n} servers beside the default one that this hub allows.")}</p>
    <p>{t("To start another, remove one that you no longer need; one that runs has to be stopped first.")}</p>
  </div>
);

function standing({ pending, ready, started }: Server, now: number): string {
  if (pending === "spawn") return t("starting");
  if (pending === "stop") return t("stopping");
  return ready && started ? t("running, since {when}", { when: ago(started, now) }) : t("stopped");
}
