// A radio group drawn as one bar of a few segments; those that cannot be used here stay visible and say why.
import { Said } from "./said";
import { t } from "../lib/language";

export interface Segment<T extends string> {
  value: T;
  label: string;
  /** Why it cannot be chosen, or "". */
  barred: string;
  /** Whether the service says so, not the page. */
  told?: boolean | undefined;
}

interface Props<T extends string> {
  title: string;
  name: string;
  segments: readonly Segment<T>[];
  value: T | null;
  onChange: (value: T) => void;
}

export function Segments<T extends string>({ title, name, segments, value, onChange }: Props<T>) {
  return (
    <fieldset class="hk-group hk-group-silent">
      <legend class="hk-unseen">{title}</legend>
      <div class="hk-segments">
        {segments.map((segment) => (
          <label key={segment.value} class="hk-segment">
            <input
              type="radio"
              name={`hk-${name}`}
              value={segment.value}
              checked={segment.value === value}
              disabled={Boolean(segment.barred)}
              aria-describedby={segment.barred ? `hk-${name}-${segment.value}-barred` : undefined}
              onChange={() => {
                onChange(segment.value);
              }}
            />
            <span>{segment.label}</span>
          </label>
        ))}
      </div>
      {segments.map(
        ({ value: key, label, barred, told = false }) =>
          barred && (
            <p class="hk-hint" key={key} id={`hk-${name}-${key}-barred`}>
              {t("“{name}” is not available here.", { name: label })} <Said text={barred} own={!told} />
            </p>
          ),
      )}
    </fieldset>
  );
}
