// For admins: what may not be built or started, and what alone may; made, changed and taken back here.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import type { Rule } from "../../lib/api-types";
import type { Service } from "../../lib/service";
import { ago } from "../../lib/time";
import { RuleForm } from "./rule-form";
import { useTask } from "./use-task";

export const KINDS: Record<Rule["kind"], { title: string; example: string }> = {
  spec: { title: "Repository", example: "gh/organisation/*" },
  host: { title: "Host", example: "*.example.org" },
  user: { title: "User", example: "mallory" },
  image: { title: "Image", example: "registry.example/team/*" },
  network: { title: "Network", example: "203.0.113.0/24" },
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
      <h2 id="hk-rules-title">Rules</h2>
      <p>What may not be built or started here. Where something of a kind is allowed, nothing else of that kind is. Whoever is refused reads the reason.</p>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      {rules?.length === 0 && <p>There are no rules: everything is allowed.</p>}
      {rules && rules.length > 0 && (
        <RuleTable
          {...{ rules, busy: task.busy, now: service.now(), change }}
          remove={(rule) => {
            task.run(async () => {
              await remove(rule);
              await load();
              say(`Taken back: ${rule.pattern}`);
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
          say(`The rule holds: ${rule.pattern}`);
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
    <div class="hk-scroll">
      <table class="hk-table">
        <caption class="hk-unseen">Rules, the newest first</caption>
        <thead>
          <tr>
            {["What", "Effect", "Reason", "Made", "Until"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {rules.map((rule) => (
            <tr key={rule.id}>
              <th scope="row">
                <code>{rule.pattern}</code>
                <span class="hk-hint">{KINDS[rule.kind].title}</span>
              </th>
              <td>{rule.allowed ? "alone allowed" : "forbidden"}</td>
              <td>{rule.reason || "none given"}</td>
              <td>
                {ago(rule.created, now)}
                <span class="hk-hint">by {rule.author}</span>
              </td>
              <td>{untilOf(rule, now)}</td>
              <td>
                <span class="hk-buttons">
                  <Button label={`Change the rule for ${rule.pattern}`} disabled={busy} onClick={() => { change(rule); }}>
                    Change
                  </Button>
                  <Button label={`Take back the rule for ${rule.pattern}`} disabled={busy} onClick={() => { remove(rule); }}>
                    Take back
                  </Button>
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function untilOf({ expires }: Rule, now: number): string {
  if (!expires) return "for good";
  const day = new Date(expires).toLocaleDateString("en", { dateStyle: "medium" });
  return Date.parse(expires) > now ? day : `${day}, over`;
}
