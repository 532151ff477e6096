// What the owner chooses about an environment, and what can be made of it.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { Entry } from "../../components/entry";
import { TextField } from "../../components/text-field";
import type { EnvironmentDetails } from "../../lib/api-types";
import type { Act } from "./details";
import { Sharing } from "./sharing";
import type { Task } from "./use-task";
import { t } from "../../lib/language";

interface Props {
  one: EnvironmentDetails;
  task: Task;
  act: Act;
}

export function Settings({ one, task, act, groups }: Props & { groups: readonly string[] }) {
  return (
    <>
      <div class="hk-buttons">
        {one.spec.provider !== "inline" && (
          <Button disabled={task.busy} onClick={() => { act.order({ what: "update" }); }}>
            {t("Update to the newest commit")}
          </Button>
        )}
        <Button disabled={task.busy} onClick={() => { act.order({ what: "refresh" }); }}>
          {t("Refresh packages")}
        </Button>
        <Button disabled={task.busy} onClick={() => { act.order({ what: "rebuild" }); }}>
          {t("Make again from its lock")}
        </Button>
      </div>
      <div class="hk-row">
        <Sharing {...{ one, task, act, groups }} />
        <label class="hk-check">
          <input
            type="checkbox"
            checked={one.pinned}
            onChange={({ currentTarget }) => { act.change({ pinned: currentTarget.checked }, currentTarget.checked ? t("Pinned.") : t("No longer pinned.")); }}
          />
          {t("Pinned: every version is kept, not the current one alone")}
        </label>
      </div>
      <Naming {...{ one, task, act }} />
    </>
  );
}

function Naming({ one, task, act }: Props) {
  const [name, setName] = useState(one.name);
  const [description, setDescription] = useState(one.description);
  return (
    <details class="hk-more">
      <summary>{t("Rename and describe")}</summary>
      <Entry
        button={t("Save")}
        ready={!task.busy && Boolean(name.trim())}
        act={() => { act.change({ name: name.trim().slice(0, 100), description: description.slice(0, 4000) }, t("Saved.")); }}
      >
        <TextField id="name" label={t("Name")} value={name} onInput={setName} complaint={name.trim() ? undefined : t("Give it a name.")} />
        <TextField id="description" label={t("Description")} optional value={description} onInput={setDescription} />
      </Entry>
    </details>
  );
}
