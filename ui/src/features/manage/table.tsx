// Environments as rows: what each is, how it stands, and the way to start it.
import type { Environment, Newer } from "../../lib/api-types";
import { Button } from "../../components/button";
import { t, tn, word } from "../../lib/language";
import { branchOf } from "../../lib/newer";
import type { Page } from "../../lib/page";
import { hostOf, refOf, shortCommit } from "../../lib/spec";
import { ago } from "../../lib/time";
import { size } from "../../lib/words";
import type { Asked, Column, Order } from "./api";
import { COLUMNS } from "./asking";
import type { Server } from "./servers";
import { Starting } from "./starting";

interface Props {
  page: Page;
  asked: Asked;
  ask: (asked: Asked) => void;
  servers: readonly Server[];
  environments: readonly Environment[];
  newer: ReadonlyMap<string, Newer>;
  act: (id: string, what: Order) => void;
  now: number;
}

const SHOWN: readonly (Column | "repository")[] = ["name", "repository", "state", "size", "used", "owner"];

export function Table({ asked, ask, environments, ...rest }: Props) {
  return (
    <div class="hk-scroll">
      <table class="hk-table">
        <caption class="hk-unseen">{t("Environments. The columns’ buttons sort them.")}</caption>
        <thead>
          <tr>
            {SHOWN.map((column) =>
              column === "repository" ? (
                <th key={column} scope="col">
                  {t("Repository")}
                </th>
              ) : (
                <Heading key={column} {...{ column, asked, ask }} />
              ),
            )}
            <td />
          </tr>
        </thead>
        <tbody>
          {environments.map((one) => (
            <Row key={one.id} one={one} {...rest} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Heading({ column, asked, ask }: Pick<Props, "asked" | "ask"> & { column: Column }) {
  const here = asked.sort === column;
  const { title, descending } = COLUMNS[column];
  return (
    <th scope="col" aria-sort={here ? (asked.descending ? "descending" : "ascending") : undefined}>
      <button type="button" class="hk-sort" onClick={() => { ask({ ...asked, offset: 0, sort: column, descending: here ? !asked.descending : descending }); }}>
        {t(title)}
        <span aria-hidden="true">{here ? (asked.descending ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}

type RowProps = Omit<Props, "asked" | "ask" | "environments"> & { one: Environment };

function Row({ one, now, page, newer, act, servers }: RowProps) {
  const name = one.name || one.title;
  const inline = one.spec.provider === "inline";
  const from = [hostOf(one.spec), inline ? "" : refOf(one.spec), one.spec.subdir && t("folder {folder}", { folder: one.spec.subdir })].filter(Boolean).join(" · ");
  return (
    <tr>
      <th scope="row">
        <a href={`#${one.id}`}>{name}</a>
        {one.pinned && <span class="hk-tag">{t("pinned")}</span>}
        {one.description && <span class="hk-hint">{one.description}</span>}
      </th>
      <td>
        {one.title}{" "}
        <span class="hk-hint">
          {from}
          {!inline && one.commit && (
            <>
              {" · "}
              <code>{shortCommit(one.commit)}</code>
            </>
          )}
        </span>
      </td>
      <td>
        <Standing {...{ one, name, mine: one.owner === page.user, newer: newer.get(one.id), act }} />
      </td>
      <td class="hk-figure" data-title={t("Size")}>
        {one.bytes === null ? t("not known yet") : size(one.bytes)}
        {one.packages !== null && <span class="hk-hint">{tn(one.packages, "{n} package", "{n} packages")}</span>}
      </td>
      <td data-title={t("Last used")}>
        {ago(one.last_used ?? one.created, now)}
        {one.built && <span class="hk-hint">{t("made {when}", { when: ago(one.built, now) })}</span>}
      </td>
      <td>
        {one.owner === page.user ? t("you") : one.owner}
        <span class="hk-hint">{sharing(one)}</span>
      </td>
      <td>
        <Starting {...{ page, one, servers, name }} />
      </td>
    </tr>
  );
}

export const STATES: Record<Environment["state"], string> = { ready: word("ready"), building: word("being built"), failed: word("last build failed"), gone: word("gone") };

interface StandingProps {
  one: Environment;
  name: string;
  mine: boolean;
  newer: Newer | undefined;
  act: Props["act"];
}

function Standing({ one, name, mine, newer, act }: StandingProps) {
  return (
    <>
      <span class={`hk-state hk-state-${one.state}`}>{t(STATES[one.state])}</span>
      {one.state === "gone" && mine && (
        <Button weight="quiet" label={t("Make again: {name}, from its lock", { name })} onClick={() => { act(one.id, { what: "rebuild" }); }}>
          {t("Make again")}
        </Button>
      )}
      {newer && one.state !== "building" && (
        <span class="hk-hint">
          {t("newer commit on {branch}", { branch: branchOf(newer) })}
          {mine && (
            <Button weight="quiet" label={t("Update {name} to commit {commit}", { name, commit: shortCommit(newer.commit) })} onClick={() => { act(one.id, { what: "update" }); }}>
              {t("Update")}
            </Button>
          )}
        </span>
      )}
    </>
  );
}

const sharing = ({ visibility, group }: Environment): string => (visibility === "public" ? t("for everybody") : visibility === "group" ? t("for the group {group}", { group }) : t("for the owner alone"));
