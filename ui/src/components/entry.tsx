// Fields and the button for them: Enter in one of the fields presses it.
import type { ComponentChildren } from "preact";
import { Button } from "./button";

interface Props {
  children: ComponentChildren;
  button: string;
  /** Whether the button does something now. */
  ready: boolean;
  act: () => void;
  /** What stands beside the button. */
  beside?: ComponentChildren;
}

export function Entry({ children, button, ready, act, beside }: Props) {
  return (
    <form
      class="hk-entry"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) act();
      }}
    >
      {children}
      <div class="hk-buttons">
        <Button type="submit" disabled={!ready}>
          {button}
        </Button>
        {beside}
      </div>
    </form>
  );
}
