// What changed in the packages between two versions, whichever they are.
import { useEffect, useState } from "preact/hooks";
import { ProblemNotice } from "../../components/notice";
import { SelectField } from "../../components/select-field";
import type { EnvironmentDetails } from "../../lib/api-types";
import { t, tn } from "../../lib/language";
import type { Service } from "../../lib/service";
import { packagesOf } from "./api";
import { difference, type Changed } from "./difference";
import { PlainTable } from "./plain-table";
import { useTask } from "./use-task";
import { nameOf } from "./version-name";

/** Images of two versions. */
export interface Pair {
  before: string;
  after: string;
}

interface Props {
  service: Service;
  one: EnvironmentDetails;
  pair: Pair;
  choose: (pair: Pair) => void;
}

export function Comparison({ service, one, pair, choose }: Props) {
  const [changed, setChanged] = useState<Changed[] | null>(null);
  const task = useTask();
  useEffect(() => {
    let gone = false;
    setChanged(null);
    task.run(async () => {
      const [before, after] = await Promise.all([packagesOf(service, one.id, pair.before), packagesOf(service, one.id, pair.after)]);
      if (!gone) setChanged(difference(before, after));
    });
    return () => {
      gone = true;
    };
  }, [pair.before, pair.after, one.id, service]);
  const versions = one.versions.map((version) => {
    const when = nameOf(version, one, service.now());
    return [version.image, version.current ? t("{when} (current)", { when }) : when] as const;
  });
  return (
    <>
      <div class="hk-row">
        <SelectField id="before" label={t("Packages of the version of")} value={pair.before} options={versions} onChange={(before) => { choose({ ...pair, before }); }} />
        <SelectField id="after" label={t("beside those of")} value={pair.after} options={versions} onChange={(after) => { choose({ ...pair, after }); }} />
      </div>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      <div role="status">{changed ? <Difference changed={changed} /> : task.busy && <p>{t("Looking…")}</p>}</div>
    </>
  );
}

function Difference({ changed }: { changed: Changed[] }) {
  if (!changed.length) return <p>{t("The packages are the same.")}</p>;
  return (
    <PlainTable caption={tn(changed.length, "One package differs", "{n} packages differ")} heads={[t("Package"), t("Then"), t("Now")]}>
      {changed.map(({ name, before, after }) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td data-title={t("Then")}>{before || t("not there")}</td>
          <td data-title={t("Now")}>{after || t("gone")}</td>
        </tr>
      ))}
    </PlainTable>
  );
}
