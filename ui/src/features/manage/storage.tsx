// For admins: what is kept on the service's machine, and what a collection would take away.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import type { Service } from "../../lib/service";
import { useTask } from "./use-task";

interface Held {
  kept: number;
  kept_bytes: number;
  gone: number;
  gone_bytes: number;
}

type Report = Held & { stores: (Held & { name: string })[] };

export function Storage({ service }: { service: Service }) {
  const [report, setReport] = useState<Report | null>(null);
  const task = useTask();
  return (
    <section aria-labelledby="hk-storage-title">
      <h2 id="hk-storage-title">Storage</h2>
      <p>What is kept on the build service’s machine, and what the next collection would take away. Nothing is taken by looking.</p>
      <Button
        disabled={task.busy}
        onClick={() => {
          task.run(async () => {
            setReport(await service.json<Report>("GET", "api/storage"));
          });
        }}
      >
        {task.busy ? "Looking…" : "Look"}
      </Button>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      <div role="status">{report && <Sums report={report} />}</div>
    </section>
  );
}

function Sums({ report }: { report: Report }) {
  const rows = [...report.stores.filter(({ kept, gone }) => kept + gone > 0), { ...report, name: "all" }];
  return (
    <div class="hk-scroll">
      <table class="hk-table">
        <caption>Kept, and what would go</caption>
        <thead>
          <tr>
            <th scope="col">Store</th>
            <th scope="col">Kept</th>
            <th scope="col">Would go</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, kept, kept_bytes: keeps, gone, gone_bytes: goes }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{amount(kept, keeps)}</td>
              <td>{amount(gone, goes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const amount = (count: number, bytes: number): string => (count ? `${count.toLocaleString("en")}, ${(bytes / 1e6).toFixed(0)} MB` : "nothing");
