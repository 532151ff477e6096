// Rows below heads: what the sections and comparisons of the page of environments list.

interface Props {
  caption: string;
  /** Whether the caption is for those alone who have it read out: a heading above says the same. */
  unseen?: boolean;
  heads: readonly string[];
  /** Whether a last column without a head has buttons. */
  acts?: boolean;
  /** Rows. */
  children: preact.ComponentChildren;
}

export function PlainTable({ caption, unseen = false, heads, acts = false, children }: Props) {
  return (
    <div class="hk-scroll">
      <table class="hk-table">
        <caption class={unseen ? "hk-unseen" : undefined}>{caption}</caption>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
            {acts && <td />}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
