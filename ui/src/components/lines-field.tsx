// A labelled box for several lines, with its hint and its complaint.
import type { Problem } from "../lib/api-types";
import { afterPress } from "../lib/press";
import { SaidOf } from "./said";

interface Props {
  /** Unique on the page; complaints are found by it. */
  id: string;
  label: string;
  value: string;
  hint: string;
  /** A sentence of the page, or of the service. */
  complaint?: string | Problem | undefined;
  onInput: (text: string) => void;
  onLeave?: () => void;
}

export function LinesField({ id, label, value, hint, complaint, onInput, onLeave }: Props) {
  const field = `hk-field-${id}`;
  return (
    <div class="hk-field">
      <label class="hk-label" for={field}>
        {label}
      </label>
      <textarea
        id={field}
        rows={Math.min(16, Math.max(4, value.split("\n").length + 1))}
        value={value}
        autocapitalize="off"
        spellcheck={false}
        aria-invalid={complaint ? true : undefined}
        aria-describedby={`${field}-hint${complaint ? ` ${field}-complaint` : ""}`}
        onInput={({ currentTarget }) => { onInput(currentTarget.value); }}
        onBlur={() => { if (onLeave) afterPress(onLeave); }}
      />
      <p class="hk-hint" id={`${field}-hint`}>
        {hint}
      </p>
      {complaint && (
        <p class="hk-complaint" id={`${field}-complaint`}>
          <SaidOf what={complaint} />
        </p>
      )}
    </div>
  );
}
