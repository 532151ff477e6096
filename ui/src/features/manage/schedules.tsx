// For admins: what is built at certain times before anybody asks for it, and pushes that are tried again.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { Said } from "../../components/said";
import type { Schedule } from "../../lib/api-types";
import { language, t } from "../../lib/language";
import { doing } from "../../lib/phases";
import type { Service } from "../../lib/service";
import { addressOf, refOf } from "../../lib/spec";
import { ago } from "../../lib/time";
import { ScheduleForm } from "./schedule-form";
import { PlainTable } from "./plain-table";
import { useTask } from "./use-task";

type Step = "run" | "pause" | "go-on" | "remove";

export function Schedules({ service, say }: { service: Service; say: (text: string) => void }) {
  const [schedules, setSchedules] = useState<Schedule[] | null>(null);
  const task = useTask();
  const load = async () => {
    setSchedules((await service.json<{ schedules: Schedule[] }>("GET", "api/schedules")).schedules);
  };
  const tell = (schedule: Schedule, step: Step) => {
    task.run(async () => {
      const path = `api/schedules/${encodeURIComponent(schedule.id)}`;
      await (step === "remove" ? service.json("DELETE", path) : service.json("POST", `${path}/${step}`));
      await load();
      say(doneWords(step, addressOf(schedule.spec)));
    });
  };
  useEffect(() => {
    task.run(load);
  }, [service]);
  return (
    <section aria-labelledby="hk-schedules-title">
      <h2 id="hk-schedules-title">{t("Schedules")}</h2>
      <p>{t("What is built at certain times, before anybody asks for it. What fails because a host does not answer is tried again.")}</p>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      {schedules?.length === 0 && <p>{t("Nothing is built at certain times.")}</p>}
      {schedules && schedules.length > 0 && <ScheduleTable {...{ schedules, tell, busy: task.busy, now: service.now() }} />}
      <ScheduleForm
        key={schedules?.length}
        service={service}
        saved={async (schedule) => {
          await load();
          say(t("It is built from now on: {what}", { what: addressOf(schedule.spec) }));
        }}
      />
    </section>
  );
}

function doneWords(step: Step, what: string): string {
  switch (step) {
    case "run":
      return t("It will be built within seconds: {what}", { what });
    case "pause":
      return t("Paused: {what}", { what });
    case "go-on":
      return t("It goes on: {what}", { what });
    case "remove":
      return t("No longer built at times: {what}", { what });
  }
}

interface TableProps {
  schedules: Schedule[];
  busy: boolean;
  now: number;
  tell: (schedule: Schedule, step: Step) => void;
}

function ScheduleTable({ schedules, busy, now, tell }: TableProps) {
  return (
    <PlainTable caption={t("Schedules, by when they are due")} unseen heads={[t("What"), t("Times"), t("Next time"), t("Last time")]} acts>
      {schedules.map((schedule) => (
        <tr key={schedule.id}>
          <th scope="row">
            <code>{addressOf(schedule.spec)}</code>
            <span class="hk-hint">{[refOf(schedule.spec), t("by {owner}", { owner: schedule.author })].filter(Boolean).join(" · ")}</span>
          </th>
          <td>{schedule.times ? <code>{schedule.times}</code> : t("once, after a push")}</td>
          <td data-title={t("Next time")}>{nextOf(schedule)}</td>
          <td data-title={t("Last time")}>
            <Last schedule={schedule} now={now} />
          </td>
          <td>
            <Steps schedule={schedule} busy={busy} tell={tell} />
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

function nextOf({ next, paused }: Schedule): string {
  if (paused) return t("paused");
  return next ? new Date(next).toLocaleString(language(), { dateStyle: "medium", timeStyle: "short" }) : t("being built");
}

function Last({ schedule: { last_phase: phase, last_at: at, error }, now }: { schedule: Schedule; now: number }) {
  if (!phase || !at) return <>{t("never yet")}</>;
  return (
    <>
      {doing(phase)}, {ago(at, now)}
      {error && (
        <span class="hk-hint">
          <Said text={error.message} />
        </span>
      )}
    </>
  );
}

function Steps({ schedule, busy, tell }: { schedule: Schedule } & Pick<TableProps, "busy" | "tell">) {
  const what = addressOf(schedule.spec);
  const on = (step: Step) => ({ disabled: busy, onClick: () => { tell(schedule, step); } });
  return (
    <span class="hk-buttons">
      {!schedule.paused && !schedule.build && <Button label={t("Build now: {what}", { what })} {...on("run")}>{t("Build now")}</Button>}
      {schedule.paused ? (
        <Button label={t("Let the schedule of {what} go on", { what })} {...on("go-on")}>{t("Go on")}</Button>
      ) : (
        <Button label={t("Pause the schedule of {what}", { what })} {...on("pause")}>{t("Pause")}</Button>
      )}
      <Button label={t("Remove the schedule of {what}", { what })} {...on("remove")}>{t("Remove")}</Button>
    </span>
  );
}
