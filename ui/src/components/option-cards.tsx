// A radio group drawn as cards: one choice, its name and what it is.
import type { ComponentChildren } from "preact";

export interface Card {
  value: string;
  title: string;
  /** Lines of smaller text under the title. */
  text?: string | undefined;
  /** What stands beside the card, outside its label: a menu. */
  beside?: ComponentChildren;
}

interface Props {
  /** Name of the group, also the radio buttons' name. */
  name: string;
  cards: readonly Card[];
  value: string;
  onChange: (value: string) => void;
  small?: boolean;
}

export function OptionCards({ name, cards, value, onChange, small = false }: Props) {
  return (
    <div class={small ? "hk-cards hk-cards-small" : "hk-cards"}>
      {cards.map((card) => (
        <div class="hk-card" key={card.value}>
          <label>
            <input
              type="radio"
              name={`hk-${name}`}
              value={card.value}
              checked={card.value === value}
              aria-describedby={card.text ? `hk-${name}-${card.value}-text` : undefined}
              aria-label={card.title.trim() || card.value}
              onChange={() => {
                onChange(card.value);
              }}
            />
            <span class="hk-card-title">{card.title.trim() || card.value}</span>
            {card.text && (
              <span class="hk-card-text" id={`hk-${name}-${card.value}-text`}>
                {card.text}
              </span>
            )}
          </label>
          {card.beside}
        </div>
      ))}
    </div>
  );
}
