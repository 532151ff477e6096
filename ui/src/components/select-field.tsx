// A labelled drop-down list.
import { Field, type FieldProps } from "./field";

interface Props extends Omit<FieldProps, "complaint" | "optional"> {
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
}

export function SelectField({ value, options, onChange, ...field }: Props) {
  return (
    <Field {...field}>
      {(told) => (
        <select
          {...told}
          value={value}
          onChange={(event) => {
            onChange(event.currentTarget.value);
          }}
        >
          {options.map(([option, text]) => (
            <option key={option} value={option}>
              {text.trim() || option}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
