// A rule to make, or one to make anew.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { Entry } from "../../components/entry";
import { SelectField } from "../../components/select-field";
import { TextField } from "../../components/text-field";
import type { Rule, RuleOrder } from "../../lib/api-types";
import { t } from "../../lib/language";
import type { Service } from "../../lib/service";
import { KINDS } from "./rules";
import { useTask } from "./use-task";

interface Props {
  service: Service;
  /** The rule in whose place this one comes. */
  changed: Rule | null;
  cancel: () => void;
  saved: (rule: Rule) => Promise<void>;
}

export function RuleForm({ service, changed, cancel, saved }: Props) {
  const [kind, setKind] = useState<Rule["kind"]>(changed?.kind ?? "spec");
  const [pattern, setPattern] = useState(changed?.pattern ?? "");
  const [allowed, setAllowed] = useState(changed?.allowed ?? false);
  const [reason, setReason] = useState(changed?.reason ?? "");
  const [until, setUntil] = useState(changed?.expires ? changed.expires.slice(0, 10) : "");
  const task = useTask();
  const save = async () => {
    const rule: RuleOrder = { kind, pattern: pattern.trim(), allowed, reason: reason.trim(), expires: until ? endOf(until) : null };
    await saved(await service.json<Rule>("POST", "api/rules", rule));
  };
  return (
    <details class="hk-more" open={changed !== null}>
      <summary>{changed ? t("Change the rule for {what}", { what: changed.pattern }) : t("Make a rule")}</summary>
      <Entry
        button={changed ? t("Save the rule") : t("Make the rule")}
        ready={!task.busy && Boolean(pattern.trim())}
        act={() => { task.run(save); }}
        beside={changed && <Button weight="quiet" onClick={cancel}>{t("Leave it as it is")}</Button>}
      >
        <div class="hk-row">
          <SelectField id="rule-kind" label={t("What")} value={kind} options={Object.entries(KINDS).map(([value, { title }]) => [value, t(title)] as const)} onChange={(value) => { setKind(value as Rule["kind"]); }} />
          <TextField id="rule-pattern" label={t("Which")} value={pattern} onInput={setPattern} placeholder={KINDS[kind].example} hint={kind === "network" ? t("An address or a network.") : t("* and ? stand for anything.")} />
          <SelectField id="rule-effect" label={t("Effect")} value={allowed ? "allow" : "forbid"} options={[["forbid", t("forbidden")], ["allow", t("alone allowed")]]} onChange={(value) => { setAllowed(value === "allow"); }} />
        </div>
        <div class="hk-row">
          <TextField id="rule-reason" label={t("Reason")} optional value={reason} onInput={setReason} hint={t("Whoever is refused reads it.")} />
          <TextField id="rule-until" label={t("Until the end of")} optional type="date" value={until} onInput={setUntil} />
        </div>
        {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      </Entry>
    </details>
  );
}

/** The last second of a day where the admin is. */
const endOf = (day: string): string => new Date(`${day}T23:59:59`).toISOString();
