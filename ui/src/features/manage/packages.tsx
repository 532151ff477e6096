// What is in an environment, read when it is opened.
import { useEffect, useState } from "preact/hooks";
import { ProblemNotice } from "../../components/notice";
import type { Contained, EnvironmentDetails } from "../../lib/api-types";
import { t, tn } from "../../lib/language";
import type { Service } from "../../lib/service";
import { packagesOf } from "./api";
import { useTask } from "./use-task";

interface Props {
  service: Service;
  one: EnvironmentDetails;
}

export function Packages({ service, one }: Props) {
  const [found, setFound] = useState<Contained | null>(null);
  const [words, setWords] = useState("");
  const task = useTask();
  useEffect(() => {
    task.run(async () => {
      setFound(await packagesOf(service, one.id));
    });
  }, [one.id, one.image, service]);
  const shown = found?.packages.filter(({ name }) => name.toLowerCase().includes(words.toLowerCase())) ?? [];
  const size = found?.download_bytes ? t(", {size} MB to download", { size: Math.round(found.download_bytes / 1e6) }) : "";
  return (
    <details class="hk-more">
      <summary>{found ? tn(found.packages.length, "{n} package for Python {python}", "{n} packages for Python {python}", { python: found.python }) + size : t("Packages")}</summary>
      {task.problem && <ProblemNotice problem={task.problem} />}
      {found && (
        <>
          <input
            type="search"
            aria-label={t("Find a package")}
            placeholder={t("Find a package")}
            value={words}
            onInput={({ currentTarget }) => {
              setWords(currentTarget.value);
            }}
          />
          <ul class="hk-packages" tabIndex={0} aria-label={t("Packages")}>
            {shown.map(({ name, version, kernel }) => (
              <li key={`${name} ${String(kernel)}`}>
                {name} <span class="hk-hint">{version}{kernel ? t(", for notebooks") : ""}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </details>
  );
}
