// A button in one of three weights; never submits the form by accident.
import type { ComponentChildren } from "preact";

interface Props {
  children: ComponentChildren;
  onClick?: () => void;
  weight?: "primary" | "plain" | "quiet";
  type?: "button" | "submit";
  disabled?: boolean;
  label?: string;
  expanded?: boolean;
}

export function Button({ children, onClick, weight = "plain", type = "button", disabled = false, label, expanded }: Props) {
  return (
    <button type={type} class={`hk-button hk-button-${weight}`} onClick={onClick} disabled={disabled} aria-label={label} aria-expanded={expanded}>
      {children}
    </button>
  );
}
