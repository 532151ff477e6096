// What stands around any control to fill in: its label above it, its hint and its complaint below, and both told with it.
import type { ComponentChildren } from "preact";
import type { Problem } from "../lib/api-types";
import { t } from "../lib/language";
import { SaidOf } from "./said";

export interface FieldProps {
  /** Unique on the page; complaints are found by it. */
  id: string;
  label: string;
  hint?: string | undefined;
  /** A sentence of the page, or of the service. */
  complaint?: string | Problem | undefined;
  optional?: boolean;
}

/** What the control itself is told. */
interface Told {
  id: string;
  "aria-invalid": true | undefined;
  "aria-describedby": string | undefined;
}

interface Props extends FieldProps {
  /** Draws the control. */
  children: (told: Told) => ComponentChildren;
}

export function Field({ id: name, label, hint, complaint, optional, children }: Props) {
  const id = `hk-field-${name}`;
  const described = [hint && `${id}-hint`, complaint && `${id}-complaint`].filter(Boolean).join(" ");
  return (
    <div class="hk-field">
      <label class="hk-label" for={id}>
        {label} {optional && <span class="hk-optional">{t("(optional)")}</span>}
      </label>
      {children({ id, "aria-invalid": complaint ? true : undefined, "aria-describedby": described || undefined })}
      {hint && (
        <p class="hk-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {complaint && (
        <p class="hk-complaint" id={`${id}-complaint`}>
          <SaidOf what={complaint} />
        </p>
      )}
    </div>
  );
}
