// A repository to build from: its address, and what few people need folded away.
import type { ComponentChildren } from "preact";
import { Button } from "../../components/button";
import { SelectField } from "../../components/select-field";
import { TextField } from "../../components/text-field";
import type { Forecast, Recognised, Spec } from "../../lib/api-types";
import { t, word } from "../../lib/language";
import { asTyped, isAddress } from "../../lib/opening";
import type { Service } from "../../lib/service";
import { refOf } from "../../lib/spec";
import { ForecastLine } from "./forecast-line";
import type { Offer } from "./offers";
import type { Recognition } from "./use-recognised";
import { useRefs } from "./use-refs";
import { REPOSITORY, type Choice, type ChoiceEvent, type Repository } from "./choice";
import type { Complaints } from "./complaints";

interface Props {
  choice: Choice;
  complaints: Complaints;
  tell: (event: ChoiceEvent) => void;
}

interface FieldsProps extends Props {
  service: Service;
  recognition: Recognition;
  forecast: Forecast | null;
  offers: readonly Offer[];
  /** Links to what is asked for. */
  share: ComponentChildren;
}

export function RepositoryFields({ service, choice, complaints, tell, recognition, forecast, offers, share }: FieldsProps) {
  const { repository } = choice;
  const refs = useRefs(service, recognition.found, repository.ref);
  const change = (change: Partial<Repository>) => {
    tell({ type: "repository", change });
  };
  return (
    <>
      <TextField
        id="repository"
        label={t("Repository")}
        value={repository.address}
        placeholder="https://example.org/team/analysis.git"
        hint={t("Paste anything: a git address, a page of a repository or a notebook, organisation/name on GitHub, a DOI, a launch link, names of packages.")}
        complaint={complaints["repository"]}
        onInput={(address) => {
          change({ address });
        }}
        onLeave={() => {
          if (repository.address) tell({ type: "left", fields: ["repository"] });
          recognition.settle();
        }}
        onPaste={recognition.settle}
      />
      <Understood found={recognition.found} typed={offers.some(({ source, barred }) => source === "typed" && !barred)} tell={tell} />
      <ForecastLine forecast={forecast} />
      <div class="hk-row">
        <TextField
          id="ref"
          label={t("Branch, tag or commit")}
          optional
          value={repository.ref}
          placeholder={refs.fallback || t("default branch")}
          suggestions={refs.names}
          hint={refs.silent ? t("The repository's host does not answer, so nothing is suggested here.") : undefined}
          onFocus={refs.want}
          onInput={(ref) => {
            change({ ref });
          }}
        />
        <OpenField of={REPOSITORY} choice={choice} complaints={complaints} tell={tell} />
      </div>
      <details class="hk-more">
        <summary>{t("More")}</summary>
        <More repository={repository} change={change} complaints={complaints} />
      </details>
      {share}
    </>
  );
}

/** What the address means, in a line; an image's name is one press away from where images are asked for. */
function Understood({ found, typed, tell }: { found: Recognised | null; typed: boolean; tell: Props["tell"] }) {
  return (
    <div class="hk-understood">
      <p role="status">{found?.spec ? wordsOf(found, found.spec) : ""}</p>
      {found?.kind === "image" && typed && (
        <Button
          onClick={() => {
            tell({ type: "typed", text: found.value });
            tell({ type: "source", source: "typed" });
          }}
        >
          {t("Use it as an image")}
        </Button>
      )}
    </div>
  );
}

function wordsOf({ kind, title, source, opens }: Recognised, spec: Spec): string {
  if (kind === "packages") return t("An environment with these packages: {packages}", { packages: title });
  const parts = [`${source}: ${title}`, refOf(spec) && t("at {ref}", { ref: refOf(spec) }), asTyped(opens) && t("opens {path}", { path: asTyped(opens) })];
  return parts.filter(Boolean).join(" · ");
}

/** The path to open once the server is up, in the environment `of`. */
export function OpenField({ of, choice, complaints, tell }: Props & { of: string }) {
  const path = choice.opens[of] ?? "";
  return (
    <TextField
      id="open"
      label={t("Path to open")}
      optional
      value={path}
      complaint={complaints["open"]}
      placeholder="notebooks/first.ipynb"
      hint={isAddress(path) ? t("It begins with a slash, so it is an address of the server.") : undefined}
      onInput={(path) => {
        tell({ type: "open", of, path });
      }}
      onLeave={() => {
        if (path) tell({ type: "left", fields: ["open"] });
      }}
    />
  );
}

interface MoreProps {
  repository: Repository;
  change: (change: Partial<Repository>) => void;
  complaints: Complaints;
}

const MOMENTS = [
  ["today", word("today")],
  ["commit", word("the day of the commit")],
  ["date", word("a date…")],
] as const;

function More({ repository, change, complaints }: MoreProps) {
  return (
    <>
      <div class="hk-row">
        <TextField
          id="subdir"
          label={t("Folder")}
          optional
          value={repository.subdir}
          placeholder={t("whole repository")}
          hint={t("Treat this folder as the repository.")}
          onInput={(subdir) => {
            change({ subdir });
          }}
        />
        <SelectField
          id="as-of"
          label={t("Packages as of")}
          value={repository.asOf}
          options={MOMENTS.map(([value, text]) => [value, t(text)] as const)}
          hint={t("Packages published later are not used.")}
          onChange={(asOf) => {
            change({ asOf: asOf as Repository["asOf"] });
          }}
        />
        {repository.asOf === "date" && (
          <TextField
            id="date"
            type="date"
            label={t("Date")}
            value={repository.date}
            complaint={complaints["date"]}
            onInput={(date) => {
              change({ date });
            }}
          />
        )}
      </div>
      <label class="hk-check">
        <input
          type="checkbox"
          checked={repository.refresh}
          onChange={(event) => {
            change({ refresh: event.currentTarget.checked });
          }}
        />
        {t("Choose package versions afresh, even if this was built before")}
      </label>
    </>
  );
}
