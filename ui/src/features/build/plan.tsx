// How the environment will be made and why so, and how far the current step is, where that is known.
import { Said } from "../../components/said";
import { number, t } from "../../lib/language";
import { planWords } from "../../lib/spec";
import { isOver, type Watched } from "./build";

export function Plan({ state }: { state: Watched }) {
  const { build, progress } = state;
  return (
    <>
      {build.plan && (
        <div class="hk-plan">
          <p>
            <span class="hk-plan-title">{t("Plan:")}</span> {planWords(build.plan)}
            {build.reused && t(", already here from an earlier build")}
          </p>
          {build.why.length > 0 && (
            <ul>
              {build.why.map((reason) => (
                <li key={reason}>
                  <Said text={reason} />
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {progress && progress.total > 0 && !isOver(state) && (
        <div class="hk-progress">
          <progress value={progress.done} max={progress.total} aria-label={t("Progress of this step")} />
          <span>{t("{done} of {total} MB", { done: megabytes(progress.done), total: megabytes(progress.total) })}</span>
        </div>
      )}
    </>
  );
}

const megabytes = (bytes: number): string => number(bytes / 1e6, bytes < 1e8 ? 1 : 0);
