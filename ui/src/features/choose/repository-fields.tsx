// A repository to build from: its address, and what few people need folded away.
import { SelectField } from "../../components/select-field";
import { TextField } from "../../components/text-field";
import { REPOSITORY, type Choice, type ChoiceEvent, type Repository } from "./choice";
import type { Complaints } from "./complaints";

interface Props {
  choice: Choice;
  complaints: Complaints;
  tell: (event: ChoiceEvent) => void;
}

export function RepositoryFields({ choice, complaints, tell }: Props) {
  const { repository } = choice;
  const change = (change: Partial<Repository>) => {
    tell({ type: "repository", change });
  };
  return (
    <>
      <TextField
        id="repository"
        label="Repository"
        value={repository.address}
        placeholder="https://example.org/team/analysis.git"
        hint="A git address, organisation/name on GitHub, or provider/…"
        complaint={complaints["repository"]}
        onInput={(address) => {
          change({ address });
        }}
        onLeave={() => {
          if (repository.address) tell({ type: "left", fields: ["repository"] });
        }}
      />
      <div class="hk-row">
        <TextField
          id="ref"
          label="Branch, tag or commit"
          optional
          value={repository.ref}
          placeholder="default branch"
          onInput={(ref) => {
            change({ ref });
          }}
        />
        <OpenField of={REPOSITORY} choice={choice} complaints={complaints} tell={tell} />
      </div>
      <details class="hk-more">
        <summary>More</summary>
        <More repository={repository} change={change} complaints={complaints} />
      </details>
    </>
  );
}

/** The path to open once the server is up, in the environment `of`. */
export function OpenField({ of, choice, complaints, tell }: Props & { of: string }) {
  const path = choice.opens[of] ?? "";
  return (
    <TextField
      id="open"
      label="Path to open"
      optional
      value={path}
      complaint={complaints["open"]}
      placeholder="notebooks/first.ipynb"
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
  ["today", "today"],
  ["commit", "the day of the commit"],
  ["date", "a date…"],
] as const;

function More({ repository, change, complaints }: MoreProps) {
  return (
    <>
      <div class="hk-row">
        <TextField
          id="subdir"
          label="Folder"
          optional
          value={repository.subdir}
          placeholder="whole repository"
          hint="Treat this folder as the repository."
          onInput={(subdir) => {
            change({ subdir });
          }}
        />
        <SelectField
          id="as-of"
          label="Packages as of"
          value={repository.asOf}
          options={MOMENTS}
          hint="Packages published later are not used."
          onChange={(asOf) => {
            change({ asOf: asOf as Repository["asOf"] });
          }}
        />
        {repository.asOf === "date" && (
          <TextField
            id="date"
            type="date"
            label="Date"
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
        Choose package versions afresh, even if this was built before
      </label>
    </>
  );
}
