// Step 2: where the environment comes from. Saved environments are another feature's, given as `saved`.
import type { ComponentChildren } from "preact";
import { Group } from "../../components/group";
import { OptionCards } from "../../components/option-cards";
import { Segments } from "../../components/segments";
import type { Forecast } from "../../lib/api-types";
import { t } from "../../lib/language";
import type { Service } from "../../lib/service";
import type { Choice, ChoiceEvent } from "./choice";
import type { Complaints } from "./complaints";
import { openedIn, type InForce } from "./offers";
import type { Recognition } from "./use-recognised";
import { TypedImage } from "./typed-image";
import { OpenField, RepositoryFields } from "./repository-fields";

interface Props {
  choice: Choice;
  now: InForce;
  complaints: Complaints;
  tell: (event: ChoiceEvent) => void;
  /** Cards of the saved environments. */
  saved: ComponentChildren;
  /** What the address of a repository means. */
  recognition: Recognition;
  /** What would happen if it were asked for. */
  forecast: Forecast | null;
  /** Links to what is asked for. */
  share: ComponentChildren;
  service: Service;
}

export function EnvironmentChoice({ choice, now, complaints, tell, saved, recognition, forecast, share, service }: Props) {
  const { option, offers, source } = now;
  if (!option) return null;
  return (
    <Group title={option.display_name || t("Environment")} rank="section">
      {(offers.length > 1 || offers.some((offer) => offer.barred)) && (
        <Segments
          title={t("Where the environment comes from")}
          name="source"
          segments={offers.map((offer) => ({ ...offer, value: offer.source }))}
          value={source}
          onChange={(value) => {
            tell({ type: "source", source: value });
          }}
        />
      )}
      {source === "listed" && <Listed {...{ now, choice, complaints, tell, saved }} />}
      {source === "typed" && <TypedImage {...{ service, choice, now, complaints, tell }} />}
      {source === "repository" && <RepositoryFields {...{ choice, complaints, tell, recognition, forecast, offers, share, service }} />}
    </Group>
  );
}

function Listed({ now, choice, complaints, tell, saved }: Omit<Props, "recognition" | "forecast" | "share" | "service">) {
  const cards = Object.entries(now.option?.choices ?? {}).map(([key, { display_name, description }]) => ({
    value: `choice:${key}`,
    title: display_name,
    text: description,
  }));
  return (
    <>
      {cards.length > 0 && (
        <Group title={t("Listed environments")} rank="silent">
          <OptionCards
            name="listed"
            cards={cards}
            value={now.picked?.kind === "choice" ? `choice:${now.picked.key}` : ""}
            onChange={(listed) => {
              tell({ type: "listed", listed });
            }}
          />
        </Group>
      )}
      {saved}
      {now.picked?.kind === "saved" && <OpenField key={openedIn(now)} of={openedIn(now)} choice={choice} complaints={complaints} tell={tell} />}
    </>
  );
}
