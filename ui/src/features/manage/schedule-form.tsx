// Something to build at certain times from now on.
import { useState } from "preact/hooks";
import { ProblemNotice } from "../../components/notice";
import { Entry } from "../../components/entry";
import { TextField } from "../../components/text-field";
import type { Schedule, ScheduleOrder } from "../../lib/api-types";
import { t } from "../../lib/language";
import type { Service } from "../../lib/service";
import { useTask } from "./use-task";

interface Props {
  service: Service;
  saved: (schedule: Schedule) => Promise<void>;
}

export function ScheduleForm({ service, saved }: Props) {
  const [spec, setSpec] = useState("");
  const [ref, setRef] = useState("");
  const [times, setTimes] = useState("");
  const [refresh, setRefresh] = useState(false);
  const task = useTask();
  const save = async () => {
    const order: ScheduleOrder = { spec: spec.trim(), times: times.trim(), refresh, ...(ref.trim() ? { ref: ref.trim() } : {}) };
    await saved(await service.json<Schedule>("POST", "api/schedules", order));
  };
  return (
    <details class="hk-more">
      <summary>{t("Build something at certain times")}</summary>
      <Entry button={t("Add the schedule")} ready={!task.busy && Boolean(spec.trim() && times.trim())} act={() => { task.run(save); }}>
        <div class="hk-row">
          <TextField id="schedule-spec" label={t("Repository")} value={spec} onInput={setSpec} placeholder="organisation/course" />
          <TextField id="schedule-ref" label={t("Branch, tag or commit")} optional value={ref} onInput={setRef} placeholder={t("default branch")} />
          <TextField id="schedule-times" label={t("Times")} value={times} onInput={setTimes} placeholder="0 4 * * 1" hint={t("As cron writes them, in UTC: 0 4 * * 1 is Mondays at 4.")} />
        </div>
        <label class="hk-check">
          <input type="checkbox" checked={refresh} onChange={({ currentTarget }) => { setRefresh(currentTarget.checked); }} />
          {t("Look for newer packages each time")}
        </label>
        {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      </Entry>
    </details>
  );
}
