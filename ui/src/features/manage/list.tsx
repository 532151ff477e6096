// The list of environments, fifty at a time, found by words.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import type { Environment } from "../../lib/api-types";
import type { Page } from "../../lib/page";
import { rootOf } from "../../lib/opening";
import type { Service } from "../../lib/service";
import { hostOf, refOf, shortCommit } from "../../lib/spec";
import { ago } from "../../lib/time";
import { listed, PAGE, type Asked } from "./api";
import { nameBeside, runsIn, type Server } from "./servers";
import { useTask } from "./use-task";

interface Props {
  page: Page;
  service: Service;
  asked: Asked;
  ask: (asked: Asked) => void;
  /** The user's servers. */
  servers: readonly Server[];
}

export function EnvironmentList({ page, service, asked, ask, servers }: Props) {
  const [found, setFound] = useState<{ environments: Environment[]; total: number } | null>(null);
  const task = useTask();
  useEffect(() => {
    const gone = new AbortController();
    task.run(async () => {
      if (asked.words) await service.ports.wait(200, gone.signal).catch(() => undefined);
      if (gone.signal.aborted) return;
      const answer = await listed(service, asked);
      if (!gone.signal.aborted) setFound(answer);
    });
    return () => {
      gone.abort(new Error("other words"));
    };
  }, [asked.words, asked.offset, asked.all, service]);
  return (
    <section aria-label="Environments">
      <Asking {...{ page, asked, ask }} />
      {task.problem && <ProblemNotice problem={task.problem} />}
      {found && found.total === 0 && <p>{asked.words ? "No environment has these words." : "You have no environments yet. Build a repository, and it is kept here."}</p>}
      {found && found.environments.length > 0 && <Table {...{ page, service, servers, environments: found.environments }} />}
      {found && <Pager {...{ asked, ask, total: found.total, busy: task.busy }} />}
    </section>
  );
}

function Asking({ page, asked, ask }: Pick<Props, "page" | "asked" | "ask">) {
  return (
    <div class="hk-asking" role="search">
      <input
        type="search"
        aria-label="Find environments"
        placeholder="Name, repository or owner"
        value={asked.words}
        onInput={({ currentTarget }) => {
          ask({ ...asked, words: currentTarget.value, offset: 0 });
        }}
      />
      {page.admin && (
        <label class="hk-check">
          <input
            type="checkbox"
            checked={asked.all}
            onChange={({ currentTarget }) => {
              ask({ ...asked, all: currentTarget.checked, offset: 0 });
            }}
          />
          Everybody’s
        </label>
      )}
      <a class="hk-button hk-button-plain" href={`${rootOf(page)}hub/spawn`}>
        New environment
      </a>
    </div>
  );
}

function Table({ page, service, servers, environments }: Pick<Props, "page" | "service" | "servers"> & { environments: readonly Environment[] }) {
  return (
    <div class="hk-scroll">
      <table class="hk-table">
        <thead>
          <tr>
            {["Name", "Repository", "Commit", "Last used", "Who may use it"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {environments.map((one) => (
            <Row key={one.id} {...{ page, one, servers, now: service.now() }} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ page, one, servers, now }: Pick<Props, "page" | "servers"> & { one: Environment; now: number }) {
  const name = one.name || one.title;
  const from = [hostOf(one.spec), refOf(one.spec), one.spec.subdir && `folder ${one.spec.subdir}`].filter(Boolean).join(" · ");
  return (
    <tr>
      <th scope="row">
        <a href={`#${one.id}`}>{name}</a>
        {one.pinned && <span class="hk-tag">pinned</span>}
        {one.description && <span class="hk-hint">{one.description}</span>}
      </th>
      <td>
        {one.title} <span class="hk-hint">{from}</span>
      </td>
      <td>{one.spec.provider === "inline" ? "" : <code>{shortCommit(one.commit)}</code>}</td>
      <td>{ago(one.last_used ?? one.created, now)}</td>
      <td>{whoMayUse(one, page.user)}</td>
      <td>
        <Starting {...{ page, one, servers, name }} />
      </td>
    </tr>
  );
}

/** Open it where it runs, else start it: in the default server, or beside what runs where the hub allows that. */
function Starting({ page, one, servers, name }: Pick<Props, "page" | "servers"> & { one: Environment; name: string }) {
  const running = servers.find((server) => runsIn(server, one.image));
  if (running) {
    return (
      <a class="hk-button hk-button-plain" href={running.url} aria-label={`Open ${name}`}>
        Open
      </a>
    );
  }
  if (page.namedServers && servers.some((server) => server.name === "")) {
    const beside = `${rootOf(page)}hub/spawn/${encodeURIComponent(page.user)}/${nameBeside(name, servers)}#environment=${one.id}`;
    return (
      <a class="hk-button hk-button-plain" href={beside} aria-label={`Start ${name} beside`}>
        Start beside
      </a>
    );
  }
  return (
    <a class="hk-button hk-button-plain" href={startOf(page, one.id)} aria-label={`Start ${name}`}>
      Start
    </a>
  );
}

export const startOf = (page: Page, id: string): string => `${rootOf(page)}hub/spawn#environment=${id}`;

const whoMayUse = ({ visibility, group, owner }: Environment, user: string): string =>
  [visibility === "public" ? "everybody" : visibility === "group" ? `the group ${group ?? ""}` : owner === user ? "you alone" : "", owner === user ? "" : `${owner}’s`].filter(Boolean).join(", ");

function Pager({ asked, ask, total, busy }: Pick<Props, "asked" | "ask"> & { total: number; busy: boolean }) {
  const last = Math.min(asked.offset + PAGE, total);
  const to = (offset: number) => () => {
    ask({ ...asked, offset });
  };
  return (
    <div class="hk-pager">
      <p role="status">{busy ? "Looking…" : total > 0 ? `${String(asked.offset + 1)}–${String(last)} of ${total.toLocaleString("en")}` : ""}</p>
      {total > PAGE && (
        <>
          <Button disabled={asked.offset === 0} onClick={to(Math.max(0, asked.offset - PAGE))}>
            Previous
          </Button>
          <Button disabled={last >= total} onClick={to(asked.offset + PAGE)}>
            Next
          </Button>
        </>
      )}
    </div>
  );
}
