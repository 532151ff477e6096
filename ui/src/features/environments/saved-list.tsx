// Saved environments as cards to choose from.
import { useEffect, useRef } from "preact/hooks";
import { Group } from "../../components/group";
import { ProblemNotice } from "../../components/notice";
import { OptionCards } from "../../components/option-cards";
import { useSaid } from "../../components/said";
import type { Environment, Newer } from "../../lib/api-types";
import { t, tn } from "../../lib/language";
import { hostOf, planWords, refOf, shortCommit } from "../../lib/spec";
import { ago } from "../../lib/time";
import { branchOf, useNewer } from "../../lib/newer";
import type { Service } from "../../lib/service";
import { MOST, type SavedEnvironments } from "./saved";
import { SavedMenu } from "./saved-menu";

interface Props {
  service: Service;
  saved: SavedEnvironments;
  /** Address of the page of environments. */
  all: string;
  user: string;
  /** Id of the one chosen, or "". */
  chosen: string;
  onChoose: (id: string) => void;
  now: number;
}

export function SavedList({ service, saved, all, user, chosen, onChoose, now }: Props) {
  const [said, say] = useSaid();
  const going = useRef<Environment | null>(null);
  const told = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    const gone = going.current;
    if (!gone || saved.environments.some(({ id }) => id === gone.id)) return;
    // With its card went the button that had the focus.
    going.current = null;
    say(t("Forgotten: {name}", { name: gone.name || gone.title }));
    told.current?.focus();
  }, [saved.environments]);
  const forget = (environment: Environment) => {
    going.current = environment;
    return saved.forget(environment.id);
  };
  const newer = useNewer(service, saved.offered);
  const offered = new Set([...saved.offered, chosen]);
  const cards = saved.environments.filter(({ id }) => offered.has(id)).map((environment) => ({
    value: `saved:${environment.id}`,
    title: environment.name || environment.title,
    text: about(environment, user, now, newer.get(environment.id)),
    beside: environment.owner === user && (
      <SavedMenu
        name={environment.name || environment.title}
        more={`${all}#${environment.id}`}
        rename={(name) => saved.rename(environment.id, name)}
        forget={() => forget(environment)}
      />
    ),
  }));
  return (
    <>
      <p role="status" class="hk-unseen" tabIndex={-1} ref={told}>
        {said}
      </p>
      <Finding saved={saved} />
      {cards.length > 0 && (
        <Group title={t("Saved environments")}>
          <OptionCards
            name="listed"
            cards={cards}
            value={`saved:${chosen}`}
            onChange={(value) => {
              onChoose(value.slice("saved:".length));
            }}
          />
          <p>
            <a href={all}>{t("All environments: share, update, compare, take elsewhere")}</a>
          </p>
        </Group>
      )}
      {saved.loaded && saved.problem && <ProblemNotice problem={saved.problem} />}
    </>
  );
}

function Finding({ saved }: { saved: SavedEnvironments }) {
  if (saved.total <= MOST) return null;
  const asks = tn(saved.total, "Find in {n} saved environment", "Find among {n} saved environments");
  return (
    <input
      type="search"
      class="hk-search"
      aria-label={asks}
      placeholder={asks}
      onInput={({ currentTarget }) => {
        saved.find(currentTarget.value);
      }}
    />
  );
}

/** One line on what it is: repository, commit, plan, when, whose. */
function about(environment: Environment, user: string, now: number, newer: Newer | undefined): string {
  const parts = [
    environment.name && environment.name !== environment.title ? environment.title : "",
    hostOf(environment.spec),
    refOf(environment.spec),
    environment.spec.subdir && t("folder {folder}", { folder: environment.spec.subdir }),
    environment.commit && environment.spec.provider !== "inline" && t("commit {commit}", { commit: shortCommit(environment.commit) }),
    planWords(environment.plan),
    newer && t("newer commit on {branch}", { branch: branchOf(newer) }),
    environment.last_used ? t("used {when}", { when: ago(environment.last_used, now) }) : t("made {when}", { when: ago(environment.created, now) }),
    environment.visibility === "group" && environment.owner !== user ? (environment.group ? t("for {group}", { group: environment.group }) : t("for a group")) : "",
    environment.owner !== user ? t("by {owner}", { owner: environment.owner }) : "",
    environment.description,
  ];
  return parts.filter(Boolean).join(" · ");
}
