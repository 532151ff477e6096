// What an environment was before: go back, make again, compare, read the log.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import type { Build, EnvironmentDetails, Version } from "../../lib/api-types";
import { t, tn } from "../../lib/language";
import type { Service } from "../../lib/service";
import { planWords, shortCommit } from "../../lib/spec";
import { ago } from "../../lib/time";
import { size } from "../../lib/words";
import { buildOf } from "./api";
import { Comparison, type Pair } from "./comparison";
import type { Act } from "./details";
import type { Task } from "./use-task";
import { nameOf } from "./version-name";

interface Props {
  service: Service;
  one: EnvironmentDetails;
  mine: boolean;
  task: Task;
  act: Act;
  watch: (build: Build) => void;
}

export function Versions({ service, one, mine, task, act, watch }: Props) {
  const [pair, setPair] = useState<Pair | null>(null);
  const compare = ({ image }: Version) => {
    setPair({ before: image, after: one.image });
  };
  return (
    <section aria-labelledby="hk-versions-title">
      <h2 id="hk-versions-title">{t("Versions")}</h2>
      <ul class="hk-versions">
        {one.versions.map((version) => (
          <li key={version.image}>
            <span>
              <strong>{ago(version.built, service.now())}</strong> · {madeOf(version, one)}
              {version.current && <span class="hk-tag">{t("current")}</span>}
              {version.gone && <span class="hk-tag">{t("gone")}</span>}
              <span class="hk-hint">{amounts(version)}</span>
            </span>
            <VersionButtons {...{ service, one, version, mine, task, act, watch, compare }} />
          </li>
        ))}
      </ul>
      {pair && <Comparison {...{ service, one, pair, choose: setPair }} />}
    </section>
  );
}

/** What tells versions apart: the packages asked for, or the commit, with the repository and the ref where they changed. */
function madeOf({ spec, commit, plan }: Version, one: EnvironmentDetails) {
  const of = spec ?? one.spec;
  if (of.provider === "inline") return of.repository.replaceAll(",", ", ");
  const from = of.repository === one.spec.repository ? "" : `${of.repository} `;
  const ref = of.ref === one.spec.ref || of.ref === commit ? "" : `${of.ref} `;
  return (
    <>
      {from}
      {ref}
      <code>{shortCommit(commit)}</code> · {planWords(plan)}
    </>
  );
}

const amounts = ({ bytes, packages }: Version): string => [bytes === null ? "" : size(bytes), packages === null ? "" : tn(packages, "{n} package", "{n} packages")].filter(Boolean).join(", ");

interface ButtonsProps extends Props {
  version: Version;
  compare: (version: Version) => void;
}

function VersionButtons({ service, one, version, mine, task, act, watch, compare }: ButtonsProps) {
  const when = nameOf(version, one, service.now());
  const { build } = version;
  return (
    <span class="hk-buttons">
      {!version.current && (
        <Button label={t("Compare with the version of {when}", { when })} onClick={() => { compare(version); }}>
          {t("Compare")}
        </Button>
      )}
      {mine && !version.current && (
        <Button label={t("Roll back to the version of {when}", { when })} disabled={task.busy} onClick={() => { act.change({ image: version.image }, t("Servers start in this version from now on.")); }}>
          {t("Roll back")}
        </Button>
      )}
      {mine && (
        <Button label={t("Make again the version of {when}, from its lock", { when })} disabled={task.busy} onClick={() => { act.order({ what: "rebuild", image: version.image }); }}>
          {t("Make again")}
        </Button>
      )}
      {build && (
        <Button label={t("Log of the version of {when}", { when })} weight="quiet" disabled={task.busy} onClick={() => { task.run(async () => { watch(await buildOf(service, build)); }); }}>
          {t("Log")}
        </Button>
      )}
    </span>
  );
}
