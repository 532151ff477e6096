// A titled group of controls.
import type { ComponentChildren } from "preact";

interface Props {
  title: string;
  /** "section" is a step of the page, "field" one question in it, "silent" has its title for screen readers only. */
  rank?: "section" | "field" | "silent";
  children: ComponentChildren;
}

const LOOKS = { section: "hk-section-title", field: "hk-label", silent: "hk-unseen" };

export function Group({ title, rank = "field", children }: Props) {
  return (
    <fieldset class={`hk-group hk-group-${rank}`}>
      <legend class={LOOKS[rank]}>{rank === "section" ? <h2>{title}</h2> : title}</legend>
      {children}
    </fieldset>
  );
}
