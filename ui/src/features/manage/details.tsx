// One environment: what it is, what can be done with it, and what it was before.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { useTitle } from "../../components/title";
import type { Build, EnvironmentDetails } from "../../lib/api-types";
import { t, tn } from "../../lib/language";
import { branchOf, useNewer } from "../../lib/newer";
import type { Page } from "../../lib/page";
import type { Service } from "../../lib/service";
import { hostOf, planWords, refOf, shortCommit } from "../../lib/spec";
import { ago } from "../../lib/time";
import { size } from "../../lib/words";
import { change, details, order, remove, type Change, type Order } from "./api";
import { Changing, Duplicating } from "./changing";
import { Exports } from "./exports";
import { AGAIN } from "./list";
import type { Server } from "./servers";
import { Starting } from "./starting";
import { STATES } from "./table";
import { Packages } from "./packages";
import { Settings } from "./settings";
import { useChanges } from "./use-changes";
import { useTask, type Task } from "./use-task";
import { Versions } from "./versions";

interface Props {
  page: Page;
  service: Service;
  id: string;
  /** The user's, that run. */
  servers: readonly Server[];
  /** Shows a build in place of all this. */
  watch: (build: Build) => void;
  /** Says something to those who do not see the page. */
  say: (text: string) => void;
  /** Links to its repository, drawn by another feature. */
  share: (environment: EnvironmentDetails) => ComponentChildren;
  /** What it starts with, drawn by another feature; `keep` keeps something else, null for whoever may not. */
  resources: (environment: EnvironmentDetails, keep: Keep | null) => ComponentChildren;
}

export function Details({ page, service, id, servers, watch, say, share, resources }: Props) {
  const [known, know] = useState<EnvironmentDetails | null>(null);
  const task = useTask();
  const load = async () => {
    know(await details(service, id));
  };
  const changes = useChanges(known, (what) => change(service, id, what), load);
  const { one } = changes;
  useEffect(() => {
    know(null);
    task.run(load);
  }, [id, service]);
  useSizes(service, known, know);
  const act: Act = {
    change: (what, said) => {
      task.run(async () => {
        await changes.change(what);
        say(said);
      });
    },
    order: (what) => {
      task.run(async () => {
        watch(await order(service, id, what));
      });
    },
  };
  if (!one) return task.problem ? <Gone task={task} /> : <p role="status">{t("Looking…")}</p>;
  return (
    <article class="hk-details" aria-labelledby="hk-details-title">
      <Head {...{ page, one, servers }} />
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      <Facts one={one} now={service.now()} />
      <Newest {...{ service, one, task, act, mine: one.owner === page.user }} />
      {resources(one, one.owner === page.user ? (kept, told) => { act.change({ resources: kept }, told); } : null)}
      {one.owner === page.user && <Settings {...{ one, task, act, groups: page.groups }} />}
      {one.owner === page.user && <Changing {...{ service, one, watch }} />}
      <Duplicating {...{ service, one, watch }} />
      <Packages {...{ service, one }} />
      {one.versions.length > 0 && <Versions {...{ service, one, task, act, watch, mine: one.owner === page.user }} />}
      <Exports {...{ service, one }} />
      {share(one)}
      <Removal {...{ page, service, one, say }} />
    </article>
  );
}

/** Asks again for what is known of a new image a moment later: its size, and how many packages it has. */
function useSizes(service: Service, one: EnvironmentDetails | null, set: (one: EnvironmentDetails) => void) {
  const looked = useRef(0);
  useEffect(() => {
    looked.current = 0;
  }, [one?.image]);
  useEffect(() => {
    const pause = one && one.state !== "gone" && one.bytes === null ? AGAIN[looked.current++] : undefined;
    if (!one || !pause) return undefined;
    const gone = new AbortController();
    const again = async () => {
      await service.ports.wait(pause, gone.signal);
      const found = await details(service, one.id);
      if (!gone.signal.aborted) set(found);
    };
    again().catch(() => undefined);
    return () => {
      gone.abort(new Error("news"));
    };
  }, [one]);
}

export type Keep = (resources: Record<string, string>, said: string) => void;

/** What can be done with the environment that is shown. */
export interface Act {
  change: (what: Change, said: string) => void;
  order: (what: Order) => void;
}

const Gone = ({ task }: { task: Task }) => (
  <>
    <p>
      <a href="#">{t("All environments")}</a>
    </p>
    <h1>{t("Environments")}</h1>
    {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
  </>
);

function Head({ page, one, servers }: { page: Page; one: EnvironmentDetails; servers: readonly Server[] }) {
  const name = one.name || one.title;
  const title = useRef<HTMLHeadingElement>(null);
  useTitle(name);
  useEffect(() => {
    title.current?.focus();
  }, [one.id]);
  return (
    <header>
      <p>
        <a href="#">{t("All environments")}</a>
      </p>
      <h1 id="hk-details-title" tabIndex={-1} ref={title}>
        {name}
      </h1>
      {one.description && <p>{one.description}</p>}
      <p>
        <Starting {...{ page, one, servers, name }} alone />
      </p>
    </header>
  );
}

/** A quiet word where the repository has newer commits. */
function Newest({ service, one, task, act, mine }: { service: Service; one: EnvironmentDetails; task: Task; act: Act; mine: boolean }) {
  const newer = useNewer(service, [one.id]).get(one.id);
  if (!newer) return null;
  return (
    <p class="hk-newer" role="status">
      {t("There is a newer commit on {branch}:", { branch: branchOf(newer) })} <code>{shortCommit(newer.commit)}</code>{" "}
      {mine && (
        <Button disabled={task.busy} label={t("Update to commit {commit}", { commit: shortCommit(newer.commit) })} onClick={() => { act.order({ what: "update" }); }}>
          {t("Update")}
        </Button>
      )}
    </p>
  );
}

function Facts({ one, now }: { one: EnvironmentDetails; now: number }) {
  const facts: [string, ComponentChildren][] = [
    ...(one.spec.provider === "inline"
      ? [[t("Packages asked for"), one.spec.repository.replaceAll(",", ", ")] satisfies [string, string]]
      : sourceOf(one)),
    [t("Made"), `${ago(one.versions.find(({ current }) => current)?.built ?? one.created, now)}, ${planWords(one.plan)}`],
    [t("Last used"), one.last_used ? ago(one.last_used, now) : ""],
    [t("Owner"), one.owner],
    [t("Size"), [one.bytes === null ? "" : size(one.bytes), one.packages === null ? "" : tn(one.packages, "{n} package", "{n} packages")].filter(Boolean).join(", ")],
    [t("State"), t(STATES[one.state])],
    [t("Image"), <code key="image">{one.image}</code>],
  ];
  return (
    <dl class="hk-facts">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

const sourceOf = (one: EnvironmentDetails): [string, ComponentChildren][] => [
  [t("Repository"), `${one.title} · ${hostOf(one.spec)}`],
  [t("Branch, tag or commit"), refOf(one.spec) || t("default branch")],
  [t("Folder"), one.spec.subdir],
  [t("Commit"), <code key="commit">{shortCommit(one.commit)}</code>],
];

function Removal({ page, service, one, say }: Pick<Props, "page" | "service" | "say"> & { one: EnvironmentDetails }) {
  const [sure, setSure] = useState(false);
  const task = useTask();
  if (one.owner !== page.user && !page.admin) return null;
  return (
    <details
      class="hk-more"
      open={sure}
      onToggle={({ currentTarget }) => {
        setSure(currentTarget.open);
      }}
    >
      <summary>{t("Delete")}</summary>
      <p>{t("It is taken off the list. Servers that run in it go on, and its repository can be built again.")}</p>
      <Button
        disabled={task.busy}
        onClick={() => {
          task.run(async () => {
            await remove(service, one.id);
            window.location.hash = "";
            say(t("Deleted: {name}", { name: one.name || one.title }));
          });
        }}
      >
        {t("Delete it")}
      </Button>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
    </details>
  );
}
