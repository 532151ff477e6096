// For admins: builds of everybody that wait or run, and the way to stop one.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { hasEnded, type Build } from "../../lib/api-types";
import type { Service } from "../../lib/service";
import { ago } from "../../lib/time";
import { everybodysBuilds, stopBuild } from "./api";
import { useTask } from "./use-task";

interface Props {
  service: Service;
  watch: (build: Build) => void;
}

export function Queue({ service, watch }: Props) {
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
      <h2 id="hk-queue-title">Builds under way</h2>
      {task.problem && <ProblemNotice problem={task.problem} />}
      {builds && !builds.length && <p>Nothing is being built.</p>}
      <ul class="hk-versions">
        {builds?.map((build) => (
          <li key={build.id}>
            <span>
              <strong>{build.title}</strong> for {build.owner} · {build.phase}
              {build.queue_position ? `, place ${String(build.queue_position)}` : ""} · begun {ago(build.created, service.now())}
            </span>
            <span class="hk-buttons">
              <Button label={`Watch ${build.title}`} onClick={() => { watch(build); }}>
                Watch
              </Button>
              <Button
                label={`Stop ${build.title} for everybody`}
                disabled={task.busy}
                onClick={() => {
                  task.run(async () => {
                    await stopBuild(service, build.id);
                    await load();
                  });
                }}
              >
                Stop
              </Button>
            </span>
          </li>
        ))}
      </ul>
      <Button weight="quiet" disabled={task.busy} onClick={() => { task.run(load); }}>
        Look again
      </Button>
    </section>
  );
}
