// What of the environments is shown, and in which order.
import type { Page } from "../../lib/page";
import { rootOf } from "../../lib/opening";
import type { Asked, Column } from "./api";

interface Props {
  page: Page;
  asked: Asked;
  ask: (asked: Asked) => void;
}

/** Each column, and whether it is more telling the other way round. */
export const COLUMNS: Record<Column, { title: string; descending: boolean }> = {
  used: { title: "Last used", descending: true },
  made: { title: "Made", descending: true },
  name: { title: "Name", descending: false },
  size: { title: "Size", descending: true },
  packages: { title: "Packages", descending: true },
  state: { title: "State", descending: false },
  owner: { title: "Owner", descending: false },
  sharing: { title: "Who may use it", descending: true },
};

export function Asking({ page, asked, ask }: Props) {
  const again = (change: Partial<Asked>) => {
    ask({ ...asked, offset: 0, ...change });
  };
  return (
    <div class="hk-asking" role="search">
      <input
        type="search"
        aria-label="Find environments"
        placeholder="Name, repository or owner"
        value={asked.words}
        onInput={({ currentTarget }) => { again({ words: currentTarget.value }); }}
      />
      <Select label="Whose" value={asked.whose} options={[["", "All that I may use"], ["mine", "Mine"], ["others", "Shared with me"]]} onChange={(whose) => { again({ whose: whose as Asked["whose"] }); }} />
      <Select
        label="State"
        value={asked.state}
        options={[["", "In any state"], ["ready", "Ready"], ["building", "Being built"], ["failed", "Last build failed"], ["gone", "Gone"]]}
        onChange={(state) => { again({ state: state as Asked["state"] }); }}
      />
      <Select
        label="Sort by"
        value={asked.sort}
        options={Object.entries(COLUMNS).map(([column, { title }]) => [column, `Sorted by ${title.toLowerCase()}`])}
        onChange={(sort) => { again({ sort: sort as Column, descending: COLUMNS[sort as Column].descending }); }}
      />
      {page.admin && (
        <label class="hk-check">
          <input type="checkbox" checked={asked.all} onChange={({ currentTarget }) => { again({ all: currentTarget.checked }); }} />
          Everybody’s
        </label>
      )}
      <a class="hk-button hk-button-primary" href={`${rootOf(page)}hub/spawn`}>
        New environment
      </a>
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
