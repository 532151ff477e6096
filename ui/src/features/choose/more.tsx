// What few people need of a repository or a list of packages, folded away.
import { SelectField } from "../../components/select-field";
import { TextField } from "../../components/text-field";
import { t, word } from "../../lib/language";
import type { Repository } from "./choice";
import type { Complaints } from "./complaints";

interface Props {
  repository: Repository;
  change: (change: Partial<Repository>) => void;
  complaints: Complaints;
  /** Whether it is a list of packages, which has neither folders nor commits. */
  listed: boolean;
}

const MOMENTS = [
  ["today", word("today")],
  ["commit", word("the day of the commit")],
  ["date", word("a date…")],
] as const;

export function More({ repository, change, complaints, listed }: Props) {
  return (
    <>
      <div class="hk-row">
        {!listed && (
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
        )}
        <SelectField
          id="as-of"
          label={t("Packages as of")}
          value={repository.asOf}
          options={MOMENTS.filter(([value]) => !listed || value !== "commit").map(([value, text]) => [value, t(text)] as const)}
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
