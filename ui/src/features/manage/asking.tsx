// What of the environments is shown, and in which order.
import { t, word } from "../../lib/language";
import type { Page } from "../../lib/page";
import type { Asked, Column } from "./api";

interface Props {
  page: Page;
  asked: Asked;
  ask: (asked: Asked) => void;
}

/** Each column, and whether it is more telling the other way round. */
export const COLUMNS: Record<Column, { title: string; sorted: string; descending: boolean }> = {
  used: { title: word("Last used"), sorted: word("Sorted by last used"), descending: true },
  made: { title: word("Made"), sorted: word("Sorted by made"), descending: true },
  name: { title: word("Name"), sorted: word("Sorted by name"), descending: false },
  size: { title: word("Size"), sorted: word("Sorted by size"), descending: true },
  packages: { title: word("Packages"), sorted: word("Sorted by packages"), descending: true },
  state: { title: word("State"), sorted: word("Sorted by state"), descending: false },
  owner: { title: word("Owner"), sorted: word("Sorted by owner"), descending: false },
  sharing: { title: word("Who may use it"), sorted: word("Sorted by who may use it"), descending: true },
};

export function Asking({ page, asked, ask }: Props) {
  const again = (change: Partial<Asked>) => {
    ask({ ...asked, offset: 0, ...change });
  };
  return (
    <div class="hk-asking" role="search">
      <input
        type="search"
        aria-label={t("Find environments: name, repository or owner")}
        placeholder={t("Name, repository or owner")}
        value={asked.words}
        onInput={({ currentTarget }) => { again({ words: currentTarget.value }); }}
      />
      <Select label={t("Whose")} value={asked.whose} options={[["", t("All that I may use")], ["mine", t("Mine")], ["others", t("Shared with me")]]} onChange={(whose) => { again({ whose: whose as Asked["whose"] }); }} />
      <Select
        label={t("State")}
        value={asked.state}
        options={[["", t("In any state")], ["ready", t("Ready")], ["building", t("Being built")], ["failed", t("Last build failed")], ["gone", t("Gone")]]}
        onChange={(state) => { again({ state: state as Asked["state"] }); }}
      />
      <Select
        label={t("Sort by")}
        value={asked.sort}
        options={Object.entries(COLUMNS).map(([column, { sorted }]) => [column, t(sorted)])}
        onChange={(sort) => { again({ sort: sort as Column, descending: COLUMNS[sort as Column].descending }); }}
      />
      {page.admin && (
        <label class="hk-check">
          <input type="checkbox" checked={asked.all} onChange={({ currentTarget }) => { again({ all: currentTarget.checked }); }} />
          {t("Everybody’s")}
        </label>
      )}
    </div>
  );
}

function Select({ label, value, options, onChange }: { label: string; value: string; options: readonly (readonly [string, string])[]; onChange: (value: string) => void }) {
  return (
    <select aria-label={label} value={value} onChange={({ currentTarget }) => { onChange(currentTarget.value); }}>
      {options.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  );
}
