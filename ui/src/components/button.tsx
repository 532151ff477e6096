// A button in one of three weights; never submits the form by accident.
import type { ComponentChildren } from "preact";

interface Props {
  children: ComponentChildren;
  onClick?: () => void;
  weight?: "primary" | "plain" | "quiet";
  type?: "button" | "submit";
  /** Does nothing now. It is left the focus, which browsers take away from what is `disabled`. */
  disabled?: boolean;
  label?: string;
  expanded?: boolean;
}

export function Button({ children, onClick, weight = "plain", type = "button", disabled = false, label, expanded }: Props) {
  const press = (event: Event) => {
    if (disabled) event.preventDefault();
    else onClick?.();
  };
  return (
    <button type={type} class={`hk-button hk-button-${weight}`} onClick={press} aria-disabled={disabled || undefined} aria-label={label} aria-expanded={expanded}>
      {children}
    </button>
  );
}
