// A labelled text input with its hint and its complaint.
import type { Problem } from "../lib/api-types";
import { t } from "../lib/language";
import { afterPress } from "../lib/press";
import { SaidOf } from "./said";
import { useSuggestions } from "./suggestions";

interface Props {
  /** Unique on the page; complaints are found by it. */
  id: string;
  label: string;
  value: string;
  onInput: (text: string) => void;
  onLeave?: () => void;
  onPaste?: (text: string) => void;
  /** Several lines were pasted, which a field of one line would run together. */
  onLines?: (text: string) => void;
  onFocus?: () => void;
  /** What may be meant, to choose from below the field. */
  suggestions?: readonly string[];
  hint?: string | undefined;
  /** A sentence of the page, or of the service. */
  complaint?: string | Problem | undefined;
  placeholder?: string;
  type?: "text" | "date";
  optional?: boolean;
}

export function TextField(props: Props) {
  const { id, label, value, onInput, hint, complaint, optional, suggestions } = props;
  const field = `hk-field-${id}`;
  const choices = useSuggestions(field, label, suggestions ?? [], value, onInput);
  const described = [hint && `${field}-hint`, complaint && `${field}-complaint`].filter(Boolean).join(" ");
  return (
    <div class="hk-field">
      <label class="hk-label" for={field}>
        {label} {optional && <span class="hk-optional">{t("(optional)")}</span>}
      </label>
      <input
        id={field}
        type={props.type ?? "text"}
        value={value.replace(/\s*\n\s*/g, " ")}
        placeholder={props.placeholder}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        aria-invalid={complaint ? true : undefined}
        aria-describedby={described || undefined}
        onInput={(event) => {
          choices.typed();
          onInput(event.currentTarget.value);
        }}
        onBlur={() => {
          choices.close();
          if (props.onLeave) afterPress(props.onLeave);
        }}
        onPaste={(event) => {
          const text = event.clipboardData?.getData("text") ?? "";
          props.onPaste?.(text);
          if (!props.onLines || !/\S\s*\n\s*\S/.test(text)) return;
          event.preventDefault();
          props.onLines(text);
        }}
        onFocus={props.onFocus}
        {...choices.input}
      />
      {choices.list}
      {hint && (
        <p class="hk-hint" id={`${field}-hint`}>
          {hint}
        </p>
      )}
      {complaint && (
        <p class="hk-complaint" id={`${field}-complaint`}>
          <SaidOf what={complaint} />
        </p>
      )}
    </div>
  );
}
