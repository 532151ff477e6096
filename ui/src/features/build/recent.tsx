// Builds of the caller's that need a decision: those still running, and those a restart cut off.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { hasEnded, type Build, type Problem } from "../../lib/api-types";
import { problemOf } from "../../lib/failure";
import { t } from "../../lib/language";
import type { Service } from "../../lib/service";
import { doing } from "../../lib/phases";
import { hostOf, refOf } from "../../lib/spec";
import { ago } from "../../lib/time";
import { buildAgain } from "./api";

/** Newest first; an interrupted build no longer counts once the same was asked for again. */
export function unfinished(builds: readonly Build[]): Build[] {
  return builds.filter((build, index) => {
    if (!hasEnded(build.phase)) return true;
    const newer = builds.slice(0, index).some((other) => JSON.stringify(other.spec) === JSON.stringify(build.spec));
    return build.phase === "interrupted" && !newer;
  });
}

interface Props {
  builds: readonly Build[];
  service: Service;
  onWatch: (build: Build) => void;
}

export function UnfinishedBuilds({ builds, service, onWatch }: Props) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const again = async (build: Build) => {
    try {
      onWatch(await buildAgain(service, build.id));
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const listed = unfinished(builds);
  if (!listed.length) return null;
  return (
    <section class="hk-unfinished" aria-labelledby="hk-unfinished-title">
      <h3 id="hk-unfinished-title">{t("Unfinished builds")}</h3>
      <ul>
        {listed.map((build) => (
          <li key={build.id}>
            <span>
              <strong>{build.title}</strong>{" "}
              {[hostOf(build.spec), refOf(build.spec), doing(build.phase), t("begun {when}", { when: ago(build.created, service.now()) })].filter(Boolean).join(" · ")}
            </span>
            {hasEnded(build.phase) ? (
              <Button label={t("Build again: {name}", { name: build.title })} onClick={() => void again(build)}>
                {t("Build again")}
              </Button>
            ) : (
              <Button
                label={t("Watch {name}", { name: build.title })}
                onClick={() => {
                  onWatch(build);
                }}
              >
                {t("Watch")}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {problem && <ProblemNotice problem={problem} />}
    </section>
  );
}
