// A labelled drop-down list.

interface Props {
  id: string;
  label: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
  hint?: string | undefined;
}

export function SelectField({ id, label, value, options, onChange, hint }: Props) {
  const field = `hk-field-${id}`;
  return (
    <div class="hk-field">
      <label class="hk-label" for={field}>
        {label}
      </label>
      <select
        id={field}
        value={value}
        aria-describedby={hint ? `${field}-hint` : undefined}
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
      {hint && (
        <p class="hk-hint" id={`${field}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
