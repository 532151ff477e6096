// The servers that run: open one, stop one; and beside which environments stand them.
import { useEffect } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { t } from "../../lib/language";
import type { Page } from "../../lib/page";
import type { Service } from "../../lib/service";
import { ago } from "../../lib/time";
import { stopServer, type Server } from "./servers";
import { useTask } from "./use-task";

interface Props {
  page: Page;
  service: Service;
  servers: readonly Server[];
  /** Asks the hub again. */
  reload: () => Promise<void>;
}

/** Milliseconds between two looks at what starts or stops. */
const PAUSE = 1500;

export function ServerList({ page, service, servers, reload }: Props) {
  const task = useTask();
  const stop = (name: string) => {
    task.run(async () => {
      await stopServer(page, service, name);
      await reload();
    });
  };
  useEffect(() => {
    if (!servers.some(({ pending }) => pending)) return undefined;
    const gone = new AbortController();
    service.ports.wait(PAUSE, gone.signal).then(reload).catch(() => undefined);
    return () => {
      gone.abort(new Error("news"));
    };
  }, [servers]);
  if (!servers.length) return task.problem && <ProblemNotice problem={task.problem} />;
  return (
    <section aria-labelledby="hk-servers-title">
      <h2 id="hk-servers-title">{t("Your servers")}</h2>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      <ul class="hk-versions">
        {servers.map((server) => {
          const title = server.name || t("the default server");
          return (
            <li key={server.name}>
              <span>
                <strong>{title}</strong> · {standing(server, service.now())}
              </span>
              <span class="hk-buttons">
                <a class="hk-button hk-button-plain" href={server.url} aria-label={t("Open {name}", { name: title })}>
                  {t("Open")}
                </a>
                <Button label={t("Stop {name}", { name: title })} disabled={task.busy || server.pending !== null} onClick={() => { stop(server.name); }}>
                  {t("Stop")}
                </Button>
              </span>
            </li>
          );
        })}
      </ul>
      <Button weight="quiet" disabled={task.busy} onClick={() => { task.run(reload); }}>
        {t("Look again")}
      </Button>
    </section>
  );
}

function standing({ pending, ready, started }: Server, now: number): string {
  if (pending === "spawn") return t("starting");
  if (pending === "stop") return t("stopping");
  return ready && started ? t("running, since {when}", { when: ago(started, now) }) : t("stopped");
}
