// One option of a profile: few choices as cards, many as a list, and a text of one's own where the admin allows it.
import { Group } from "../../components/group";
import { OptionCards } from "../../components/option-cards";
import { SelectField } from "../../components/select-field";
import { TextField } from "../../components/text-field";
import { t } from "../../lib/language";
import type { ProfileOption } from "../../lib/page";
import { OTHER, type Answer, type ChoiceEvent } from "./choice";
import { answerField, type Complaints } from "./complaints";

const MOST_CARDS = 4;

interface Props {
  id: string;
  option: ProfileOption;
  answer: Answer;
  complaints: Complaints;
  tell: (event: ChoiceEvent) => void;
  /** The title above it says the same already. */
  titled: boolean;
}

export function AnswerField({ id, option, answer, complaints, tell, titled }: Props) {
  const other = option.unlisted_choice?.enabled ? option.unlisted_choice : undefined;
  const listed = Object.entries(option.choices ?? {}).map(([value, { display_name, description }]) => ({ value, title: display_name, text: description }));
  const otherCard = { value: OTHER, title: other?.display_name_in_choices ?? t("Other…"), text: other?.description_in_choices };
  const cards = other ? [...listed, otherCard] : listed;
  const field = answerField(id);
  const pick = (choice: string) => {
    tell({ type: "answer", key: id, change: { choice } });
  };
  const described = cards.find(({ value }) => value === answer.choice)?.text;
  return (
    <div class="hk-answer">
      {cards.length > MOST_CARDS ? (
        <SelectField
          id={`${field}-choice`}
          label={option.display_name}
          value={answer.choice}
          options={cards.map(({ value, title }) => [value, title])}
          onChange={pick}
          hint={described}
        />
      ) : (
        <Group title={option.display_name} rank={titled ? "silent" : "field"}>
          <OptionCards name={field} cards={cards} value={answer.choice} onChange={pick} small />
        </Group>
      )}
      {answer.choice === OTHER && (
        <TextField
          id={field}
          label={other?.display_name ?? option.display_name}
          value={answer.text}
          complaint={complaints[field]}
          onInput={(text) => {
            tell({ type: "answer", key: id, change: { text } });
          }}
          onLeave={() => {
            if (answer.text) tell({ type: "left", fields: [field] });
          }}
        />
      )}
    </div>
  );
}
