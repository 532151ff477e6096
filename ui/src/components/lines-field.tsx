// A labelled box for several lines.
import { afterPress } from "../lib/press";
import { Field, type FieldProps } from "./field";

interface Props extends FieldProps {
  value: string;
  onInput: (text: string) => void;
  onLeave?: () => void;
}

export function LinesField({ value, onInput, onLeave, ...field }: Props) {
  return (
    <Field {...field}>
      {(told) => (
        <textarea
          {...told}
          rows={Math.min(16, Math.max(4, value.split("\n").length + 1))}
          value={value}
          autocapitalize="off"
          spellcheck={false}
          onInput={({ currentTarget }) => { onInput(currentTarget.value); }}
          onBlur={() => { if (onLeave) afterPress(onLeave); }}
        />
      )}
    </Field>
  );
}
