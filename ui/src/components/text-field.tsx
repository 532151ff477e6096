// A labelled text input of one line.
import { afterPress } from "../lib/press";
import { Field, type FieldProps } from "./field";
import { useSuggestions } from "./suggestions";

interface Props extends FieldProps {
  value: string;
  onInput: (text: string) => void;
  onLeave?: () => void;
  onPaste?: (text: string) => void;
  /** Several lines were pasted, which a field of one line would run together. */
  onLines?: (text: string) => void;
  onFocus?: () => void;
  /** What may be meant, to choose from below the field. */
  suggestions?: readonly string[];
  placeholder?: string;
  type?: "text" | "date";
}

export function TextField({ value, onInput, onLeave, onPaste, onLines, onFocus, suggestions, placeholder, type, ...field }: Props) {
  const choices = useSuggestions(`hk-field-${field.id}`, field.label, suggestions ?? [], value, onInput);
  return (
    <Field {...field}>
      {(told) => (
        <>
          <input
            {...told}
            type={type ?? "text"}
            value={value.replace(/\s*\n\s*/g, " ")}
            placeholder={placeholder}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            onInput={(event) => {
              choices.typed();
              onInput(event.currentTarget.value);
            }}
            onBlur={() => {
              choices.close();
              if (onLeave) afterPress(onLeave);
            }}
            onPaste={(event) => {
              const text = event.clipboardData?.getData("text") ?? "";
              onPaste?.(text);
              if (!onLines || !/\S\s*\n\s*\S/.test(text)) return;
              event.preventDefault();
              onLines(text);
            }}
            onFocus={onFocus}
            {...choices.input}
          />
          {choices.list}
        </>
      )}
    </Field>
  );
}
