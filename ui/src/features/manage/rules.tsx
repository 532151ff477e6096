// For admins: what may not be built or started, and what alone may; made, changed and taken back here.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import type { Rule } from "../../lib/api-types";
import { language, t, word } from "../../lib/language";
import type { Service } from "../../lib/service";
import { ago } from "../../lib/time";
import { RuleForm } from "./rule-form";
import { PlainTable } from "./plain-table";
import { useTask } from "./use-task";

export const KINDS: Record<Rule["kind"], { title: string; example: string }> = {
  spec: { title: word("Repository"), example: "gh/organisation/*" },
  host: { title: word("Host"), example: "*.example.org" },
  user: { title: word("User"), example: "mallory" },
  image: { title: word("Image"), example: "registry.example/team/*" },
  network: { title: word("Network"), example: "203.0.113.0/24" },
};

export function Rules({ service, say }: { service: Service; say: (text: string) => void }) {
  const [rules, setRules] = useState<Rule[] | null>(null);
  const [changed, change] = useState<Rule | null>(null);
  const task = useTask();
  const load = async () => {
    setRules((await service.json<{ rules: Rule[] }>("GET", "api/rules")).rules);
  };
  const remove = async ({ id }: Rule) => {
    await service.json("DELETE", `api/rules/${encodeURIComponent(id)}`);
  };
  useEffect(() => {
    task.run(load);
  }, [service]);
  return (
    <section aria-labelledby="hk-rules-title">
      <h2 id="hk-rules-title">{t("Rules")}</h2>
      <p>{t("What may not be built or started here. Where something of a kind is allowed, nothing else of that kind is. Whoever is refused reads the reason.")}</p>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      {rules?.length === 0 && <p>{t("There are no rules: everything is allowed.")}</p>}
      {rules && rules.length > 0 && (
        <RuleTable
          {...{ rules, busy: task.busy, now: service.now(), change }}
          remove={(rule) => {
            task.run(async () => {
              await remove(rule);
              await load();
              say(t("Taken back: {what}", { what: rule.pattern }));
            });
          }}
        />
      )}
      <RuleForm
        key={changed?.id ?? "new"}
        {...{ service, changed }}
        cancel={() => { change(null); }}
        saved={async (rule) => {
          if (changed) await remove(changed);
          change(null);
          await load();
          say(t("The rule holds: {what}", { what: rule.pattern }));
        }}
      />
    </section>
  );
}

interface TableProps {
  rules: Rule[];
  busy: boolean;
  now: number;
  change: (rule: Rule) => void;
  remove: (rule: Rule) => void;
}

function RuleTable({ rules, busy, now, change, remove }: TableProps) {
  return (
    <PlainTable caption={t("Rules, the newest first")} unseen heads={[t("What"), t("Effect"), t("Reason"), t("Made"), t("Until")]} acts>
      {rules.map((rule) => (
        <tr key={rule.id}>
          <th scope="row">
            <code>{rule.pattern}</code>
            <span class="hk-hint">{t(KINDS[rule.kind].title)}</span>
          </th>
          <td data-title={t("Effect")}>{rule.allowed ? t("alone allowed") : t("forbidden")}</td>
          <td data-title={t("Reason")}>{rule.reason || t("none given")}</td>
          <td>
            {ago(rule.created, now)}
            <span class="hk-hint">{t("by {owner}", { owner: rule.author })}</span>
          </td>
          <td data-title={t("Until")}>{untilOf(rule, now)}</td>
          <td>
            <span class="hk-buttons">
              <Button label={t("Change the rule for {what}", { what: rule.pattern })} disabled={busy} onClick={() => { change(rule); }}>
                {t("Change")}
              </Button>
              <Button label={t("Take back the rule for {what}", { what: rule.pattern })} disabled={busy} onClick={() => { remove(rule); }}>
                {t("Take back")}
              </Button>
            </span>
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

function untilOf({ expires }: Rule, now: number): string {
  if (!expires) return t("for good");
  const day = new Date(expires).toLocaleDateString(language(), { dateStyle: "medium" });
  return Date.parse(expires) > now ? day : t("{day}, over", { day });
}
