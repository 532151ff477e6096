// What an environment was before: go back, make again, compare, read the log.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import type { Build, EnvironmentDetails, Version } from "../../lib/api-types";
import type { Service } from "../../lib/service";
import { planWords, shortCommit } from "../../lib/spec";
import { ago } from "../../lib/time";
import { buildOf, packagesOf } from "./api";
import type { Act } from "./details";
import { difference, type Changed } from "./difference";
import { useTask, type Task } from "./use-task";

interface Props {
  service: Service;
  one: EnvironmentDetails;
  mine: boolean;
  task: Task;
  act: Act;
  watch: (build: Build) => void;
}

export function Versions({ service, one, mine, task, act, watch }: Props) {
  const [compared, setCompared] = useState<{ with: string; changed: Changed[] } | null>(null);
  const comparing = useTask();
  const compare = ({ image, built }: Version) => {
    comparing.run(async () => {
      const [before, after] = await Promise.all([packagesOf(service, one.id, image), packagesOf(service, one.id)]);
      setCompared({ with: ago(built, service.now()), changed: difference(before, after) });
    });
  };
  return (
    <section aria-labelledby="hk-versions-title">
      <h2 id="hk-versions-title">Versions</h2>
      <ul class="hk-versions">
        {one.versions.map((version) => (
          <li key={version.image}>
            <span>
              <strong>{ago(version.built, service.now())}</strong> · <code>{shortCommit(version.commit)}</code> · {planWords(version.plan)}
              {version.current && <span class="hk-tag">current</span>}
            </span>
            <VersionButtons {...{ service, version, mine, task, act, watch, compare }} />
          </li>
        ))}
      </ul>
      {comparing.problem && <ProblemNotice problem={comparing.problem} takesFocus />}
      <div role="status">{compared && <Difference {...compared} />}</div>
    </section>
  );
}

interface ButtonsProps extends Omit<Props, "one"> {
  version: Version;
  compare: (version: Version) => void;
}

function VersionButtons({ service, version, mine, task, act, watch, compare }: ButtonsProps) {
  const named = `the version of ${ago(version.built, service.now())}`;
  const { build } = version;
  return (
    <span class="hk-buttons">
      {!version.current && (
        <Button label={`Compare with ${named}`} onClick={() => { compare(version); }}>
          Compare
        </Button>
      )}
      {mine && !version.current && (
        <Button label={`Roll back to ${named}`} disabled={task.busy} onClick={() => { act.change({ image: version.image }, "Servers start in this version from now on."); }}>
          Roll back
        </Button>
      )}
      {mine && (
        <Button label={`Make again ${named}, from its lock`} disabled={task.busy} onClick={() => { act.order("rebuild", version.image); }}>
          Make again
        </Button>
      )}
      {build && (
        <Button label={`Log of ${named}`} weight="quiet" disabled={task.busy} onClick={() => { task.run(async () => { watch(await buildOf(service, build)); }); }}>
          Log
        </Button>
      )}
    </span>
  );
}

function Difference({ with: age, changed }: { with: string; changed: Changed[] }) {
  if (!changed.length) return <p>The packages are the same as in the version of {age}.</p>;
  return (
    <div class="hk-scroll">
      <table class="hk-table">
        <caption>Packages that differ from the version of {age}</caption>
        <thead>
          <tr>
            <th scope="col">Package</th>
            <th scope="col">Then</th>
            <th scope="col">Now</th>
          </tr>
        </thead>
        <tbody>
          {changed.map(({ name, before, after }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{before || "not there"}</td>
              <td>{after || "gone"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
