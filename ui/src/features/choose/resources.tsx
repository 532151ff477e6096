// Step 1: the profile and its options other than the environment.
import { Group } from "../../components/group";
import { OptionCards } from "../../components/option-cards";
import { Said } from "../../components/said";
import type { Engine } from "../../lib/api-types";
import { t } from "../../lib/language";
import { resourceOptions, type Page } from "../../lib/page";
import { AnswerField } from "./answer-field";
import type { Choice, ChoiceEvent } from "./choice";
import type { Complaints } from "./complaints";
import { profileOf } from "./offers";

interface Props {
  page: Page;
  choice: Choice;
  complaints: Complaints;
  /** What the machine can do, once it is known. */
  engine: Engine | null;
  tell: (event: ChoiceEvent) => void;
}

export function Resources({ page, choice, complaints, engine, tell }: Props) {
  const options = resourceOptions(profileOf(page, choice));
  if (page.profiles.length < 2 && options.length === 0) return <EngineNotes engine={engine} />;
  const cards = page.profiles.map((profile) => ({ value: profile.slug, title: profile.display_name, text: profile.description }));
  return (
    <Group title={t("Resources")} rank="section">
      {cards.length > 1 && (
        <Group title={t("Profile")} rank="silent">
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
            titled={cards.length < 2 && options.length === 1 && option.display_name === t("Resources")}
          />
        ))}
      </div>
      <EngineNotes engine={engine} />
    </Group>
  );
}

/** What the servers' machine does not enforce, so that nobody counts on it; an engine of pods runs steps alone. */
function EngineNotes({ engine }: { engine: Engine | null }) {
  if (!engine || engine.engine === "kubernetes") return null;
  const { memory, cpu, reason } = engine.limits;
  const unlimited = !memory && !cpu ? t("Memory and CPU choices are not enforced on this machine.") : memory ? t("CPU choices are not enforced on this machine.") : t("Memory choices are not enforced on this machine.");
  return (
    <>
      {!(memory && cpu) && (
        <p class="hk-hint">
          {unlimited} <Said text={reason} />
        </p>
      )}
      {!engine.isolation && <p class="hk-hint">{t("Servers on this machine are not isolated from each other.")}</p>}
    </>
  );
}
