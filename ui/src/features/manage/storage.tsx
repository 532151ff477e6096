// For admins: what is kept on the service's machine, and what a collection would take away.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import type { HeldBy, StorageReport } from "../../lib/api-types";
import { number, t, tn } from "../../lib/language";
import type { Service } from "../../lib/service";
import { size } from "../../lib/words";
import { PlainTable } from "./plain-table";
import { useTask } from "./use-task";

export function Storage({ service }: { service: Service }) {
  const [report, setReport] = useState<StorageReport | null>(null);
  const [users, setUsers] = useState<HeldBy[] | null>(null);
  const task = useTask();
  return (
    <section aria-labelledby="hk-storage-title">
      <h2 id="hk-storage-title">{t("Storage")}</h2>
      <p>{t("What is kept on the build service’s machine, and what the next collection would take away. Nothing is taken by looking.")}</p>
      <Button
        disabled={task.busy}
        onClick={() => {
          task.run(async () => {
            setUsers((await service.json<{ users: HeldBy[] }>("GET", "api/storage/users")).users);
            setReport(await service.json<StorageReport>("GET", "api/storage"));
          });
        }}
      >
        {task.busy ? t("Looking…") : t("Look")}
      </Button>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      <div role="status">
        {users && users.length > 0 && <ByUser users={users} />}
        {report && <Sums report={report} />}
      </div>
    </section>
  );
}

function ByUser({ users }: { users: HeldBy[] }) {
  return (
    <PlainTable caption={t("What users keep, each image as if it shared nothing")} heads={[t("User"), t("Environments"), t("Size")]}>
      {users.map(({ owner, environments, bytes, unknown }) => (
        <tr key={owner}>
          <th scope="row">{owner}</th>
          <td data-title={t("Environments")}>{number(environments)}</td>
          <td data-title={t("Size")}>
            {size(bytes)}
            {unknown > 0 && <span class="hk-hint">{tn(unknown, "and {n} image that nobody has looked at yet", "and {n} images that nobody has looked at yet")}</span>}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

function Sums({ report }: { report: StorageReport }) {
  const rows = [...report.stores.filter(({ kept, gone }) => kept + gone > 0), { ...report, name: t("all") }];
  return (
    <PlainTable caption={t("Kept, and what would go")} heads={[t("Store"), t("Kept"), t("Would go")]}>
      {rows.map(({ name, kept, kept_bytes: keeps, gone, gone_bytes: goes }) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td data-title={t("Kept")}>{amount(kept, keeps)}</td>
          <td data-title={t("Would go")}>{amount(gone, goes)}</td>
        </tr>
      ))}
    </PlainTable>
  );
}

const amount = (count: number, bytes: number): string => (count ? `${number(count)} · ${size(bytes)}` : t("nothing"));
