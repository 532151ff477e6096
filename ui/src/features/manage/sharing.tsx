// Who may use an environment: chosen, and saved by a press, as arrow keys go through all that there is to choose.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { SelectField } from "../../components/select-field";
import type { EnvironmentDetails } from "../../lib/api-types";
import { t } from "../../lib/language";
import type { Change } from "./api";
import type { Act } from "./details";
import type { Task } from "./use-task";

interface Props {
  one: EnvironmentDetails;
  task: Task;
  act: Act;
  /** Those that its owner is in. */
  groups: readonly string[];
}

const GROUP = "group:";

const sharedWith = (choice: string): Change =>
  choice.startsWith(GROUP) ? { visibility: "group", group: choice.slice(GROUP.length) } : { visibility: choice === "public" ? "public" : "private" };

export function Sharing({ one, task, act, groups }: Props) {
  const saved = one.visibility === "group" ? `${GROUP}${one.group ?? ""}` : one.visibility;
  const [chosen, choose] = useState<string>(saved);
  useEffect(() => {
    choose(saved);
  }, [saved]);
  // The group that it is shared with is shown even if the owner has left it.
  const named = [...new Set([...groups, ...(one.visibility === "group" && one.group ? [one.group] : [])])];
  return (
    <div class="hk-sharing">
      <SelectField
        id="visibility"
        label={t("Who may use it")}
        value={chosen}
        options={[["private", t("only me")], ...named.map((group): [string, string] => [`${GROUP}${group}`, t("the group {group}", { group })]), ["public", t("everybody on this hub")]]}
        onChange={choose}
      />
      <div class="hk-buttons">
        <Button label={t("Save who may use it")} disabled={task.busy || chosen === saved} onClick={() => { act.change(sharedWith(chosen), t("Saved who may use it.")); }}>
          {t("Save")}
        </Button>
        <span role="status" class="hk-hint">
          {chosen !== saved && t("Not saved yet.")}
        </span>
      </div>
    </div>
  );
}
