// For admins: builds of everybody that wait or run, and the way to stop one.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { hasEnded, type Build } from "../../lib/api-types";
import { t } from "../../lib/language";
import type { Service } from "../../lib/service";
import { doing } from "../../lib/phases";
import { ago } from "../../lib/time";
import { everybodysBuilds, stopBuild } from "./api";
import { useTask } from "./use-task";

interface Props {
  service: Service;
  watch: (build: Build) => void;
  /** Says something to those who do not see the page. */
  say: (text: string) => void;
}

export function Queue({ service, watch, say }: Props) {
  const [builds, setBuilds] = useState<Build[] | null>(null);
  const task = useTask();
  const load = async () => {
    setBuilds((await everybodysBuilds(service)).filter(({ phase }) => !hasEnded(phase)));
  };
  useEffect(() => {
    task.run(load);
  }, [service]);
  return (
    <section aria-labelledby="hk-queue-title">
      <h2 id="hk-queue-title">{t("Builds under way")}</h2>
      {task.problem && <ProblemNotice problem={task.problem} />}
      {builds && !builds.length && <p>{t("Nothing is being built.")}</p>}
      <ul class="hk-versions">
        {builds?.map((build) => (
          <li key={build.id}>
            <span>
              <strong>{build.title}</strong>{" "}
              {[t("for {owner}", { owner: build.owner }), doing(build.phase), build.queue_position ? t("place {place}", { place: build.queue_position }) : "", t("begun {when}", { when: ago(build.created, service.now()) })]
                .filter(Boolean)
                .join(" · ")}
            </span>
            <span class="hk-buttons">
              <Button label={t("Watch {name}", { name: build.title })} onClick={() => { watch(build); }}>
                {t("Watch")}
              </Button>
              <Button
                label={t("Stop {name} for everybody", { name: build.title })}
                disabled={task.busy}
                onClick={() => {
                  task.run(async () => {
                    await stopBuild(service, build.id);
                    await load();
                    say(t("Stopped: {name}", { name: build.title }));
                  });
                }}
              >
                {t("Stop")}
              </Button>
            </span>
          </li>
        ))}
      </ul>
      <Button weight="quiet" disabled={task.busy} onClick={() => { task.run(load); }}>
        {t("Look again")}
      </Button>
    </section>
  );
}
