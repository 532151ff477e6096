// Step 1: the profile and its options other than the environment.
import { Group } from "../../components/group";
import { OptionCards } from "../../components/option-cards";
import { resourceOptions, type Page } from "../../lib/page";
import { AnswerField } from "./answer-field";
import type { Choice, ChoiceEvent } from "./choice";
import type { Complaints } from "./complaints";
import { profileOf } from "./offers";

interface Props {
  page: Page;
  choice: Choice;
  complaints: Complaints;
  tell: (event: ChoiceEvent) => void;
}

export function Resources({ page, choice, complaints, tell }: Props) {
  const options = resourceOptions(profileOf(page, choice));
  if (page.profiles.length < 2 && options.length === 0) return null;
  const cards = page.profiles.map((profile) => ({ value: profile.slug, title: profile.display_name, text: profile.description }));
  return (
    <Group title="Resources" rank="section">
      {cards.length > 1 && (
        <Group title="Profile" rank="silent">
          <OptionCards
            name="profile"
            cards={cards}
            value={choice.profile}
            onChange={(slug) => {
              tell({ type: "profile", slug });
            }}
          />
        </Group>
      )}
      <div class="hk-row">
        {options.map(([key, option]) => (
          <AnswerField
            key={`${choice.profile} ${key}`}
            id={key}
            option={option}
            answer={choice.answers[choice.profile]?.[key] ?? { choice: "", text: "" }}
            complaints={complaints}
            tell={tell}
          />
        ))}
      </div>
    </Group>
  );
}
