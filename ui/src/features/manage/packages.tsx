// What is in an environment, read when it is opened.
import { useEffect, useState } from "preact/hooks";
import { ProblemNotice } from "../../components/notice";
import type { Contained, EnvironmentDetails } from "../../lib/api-types";
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
  const size = found?.download_bytes ? `, ${(found.download_bytes / 1e6).toFixed(0)} MB to download` : "";
  return (
    <details class="hk-more">
      <summary>{found ? `${String(found.packages.length)} packages for Python ${found.python}${size}` : "Packages"}</summary>
      {task.problem && <ProblemNotice problem={task.problem} />}
      {found && (
        <>
          <input
            type="search"
            aria-label="Find a package"
            placeholder="Find a package"
            value={words}
            onInput={({ currentTarget }) => {
              setWords(currentTarget.value);
            }}
          />
          <ul class="hk-packages" tabIndex={0} aria-label="Packages">
            {shown.map(({ name, version, kernel }) => (
              <li key={`${name} ${String(kernel)}`}>
                {name} <span class="hk-hint">{version}{kernel ? ", for notebooks" : ""}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </details>
  );
}
