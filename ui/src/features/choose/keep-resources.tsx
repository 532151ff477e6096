// The resources that an environment keeps, and for its owner the way to keep others.
import { useReducer, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { t } from "../../lib/language";
import type { Page } from "../../lib/page";
import { firstChoice, reduce } from "./choice";
import { answerField, complaintsOf } from "./complaints";
import { keptOf, offersResources, resourcesOf, saidOf, type KeptResources } from "./kept-resources";
import { inForce } from "./offers";
import { Resources } from "./resources";

interface Props {
  page: Page;
  kept: KeptResources | undefined;
  /** Keeps these instead, and says so; null for whoever may not. */
  keep: ((resources: KeptResources, said: string) => void) | null;
}

export function KeepResources({ page, kept, keep }: Props) {
  const said = saidOf(page, kept) || t("as chosen at each start");
  if (!offersResources(page)) return null;
  if (!keep) return <p>{t("Starts with: {resources}", { resources: said })}</p>;
  return (
    <details class="hk-more">
      <summary>{t("Starts with: {resources}", { resources: said })}</summary>
      <Other key={JSON.stringify(kept)} {...{ page, kept, keep }} />
    </details>
  );
}

function Other({ page, kept, keep }: Props & { keep: NonNullable<Props["keep"]> }) {
  const [choice, tell] = useReducer(reduce, null, () => {
    const first = firstChoice(page);
    const resources = resourcesOf(page, kept);
    return resources ? reduce(first, { type: "resources", resources }) : first;
  });
  const [due, setDue] = useState(false);
  const now = inForce(page, choice, [], null);
  const complaints = Object.fromEntries(Object.entries(complaintsOf(choice, now)).filter(([field]) => field.startsWith(answerField(""))));
  const [wrong] = Object.keys(complaints);
  return (
    <>
      <p class="hk-hint">{t("The spawn page chooses them with the environment. Whoever starts it can choose others, of those that they may use.")}</p>
      <Resources page={page} choice={choice} complaints={due ? complaints : {}} engine={null} tell={tell} />
      <div class="hk-buttons">
        <Button
          onClick={() => {
            setDue(true);
            if (wrong) document.getElementById(`hk-field-${wrong}`)?.focus();
            else keep(keptOf(page, choice), t("Saved what it starts with."));
          }}
        >
          {t("Start with these")}
        </Button>
        <Button
          weight="quiet"
          disabled={!kept?.["profile"]}
          onClick={() => {
            keep({}, t("It starts with what is chosen each time."));
          }}
        >
          {t("Choose each time")}
        </Button>
      </div>
    </>
  );
}
