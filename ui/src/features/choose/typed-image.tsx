// A typed image's name, and what its registry tells of it before a server starts in it.
import { useEffect, useState } from "preact/hooks";
import { SaidOf } from "../../components/said";
import { TextField } from "../../components/text-field";
import type { SeenImage } from "../../lib/api-types";
import { number, t, word } from "../../lib/language";
import type { Service } from "../../lib/service";
import { ago } from "../../lib/time";
import type { Choice, ChoiceEvent } from "./choice";
import { aboutText, type Complaints } from "./complaints";
import type { InForce } from "./offers";

interface Props {
  service: Service;
  choice: Choice;
  now: InForce;
  complaints: Complaints;
  tell: (event: ChoiceEvent) => void;
}

/** Milliseconds after the last letter typed: registries count those who ask. */
const PAUSE = 700;

export function TypedImage({ service, choice, now, complaints, tell }: Props) {
  const rule = now.option?.unlisted_choice;
  const seen = useSeen(service, aboutText(choice.typed, rule, "none") ? "" : choice.typed.trim());
  return (
    <>
      <TextField
        id="image"
        label={rule?.display_name || t("Image")}
        value={choice.typed}
        placeholder={t("organisation/image:tag")}
        hint={rule?.description_in_choices || t("A container image that has JupyterHub's single-user server in it.")}
        complaint={complaints["image"]}
        onInput={(text) => {
          tell({ type: "typed", text });
        }}
        onLeave={() => {
          if (choice.typed) tell({ type: "left", fields: ["image"] });
        }}
      />
      <p role="status" class={seen ? `hk-forecast hk-forecast-${seen.error || seen.sign === "none" ? "refused" : "known"}` : "hk-forecast"}>
        {seen && <SaidOf what={seen.error ?? wordsOf(seen, service.now())} />}
      </p>
    </>
  );
}

function wordsOf({ size_bytes: size, platform, created, sign }: SeenImage, now: number): string {
  const facts = [typeof size !== "number" ? "" : t("{size} MB to fetch", { size: number(size / 1e6, size < 1e7 ? 1 : 0) }), platform, created && t("made {when}", { when: ago(created, now) })];
  return `${facts.filter(Boolean).join(", ")}. ${t(SIGNS[sign ?? "none"])}`;
}

const SIGNS: Record<"jupyterhub" | "jupyter" | "none", string> = {
  jupyterhub: word("JupyterHub is in its description."),
  jupyter: word("Its description names Jupyter, but not JupyterHub, which servers here need."),
  none: word("Nothing in its description speaks of Jupyter: a server will start in it only if JupyterHub is in it all the same."),
};

/** Null while nothing is known. */
function useSeen(service: Service, image: string): SeenImage | null {
  const [answer, setAnswer] = useState<{ of: string; seen: SeenImage } | null>(null);
  useEffect(() => {
    if (!image) return undefined;
    const gone = new AbortController();
    const ask = async () => {
      await service.ports.wait(PAUSE, gone.signal);
      const seen = await service.json<SeenImage>("GET", `api/images/look?${new URLSearchParams({ ref: image }).toString()}`);
      if (!gone.signal.aborted) setAnswer({ of: image, seen });
    };
    ask().catch(() => undefined); // the start will say what is wrong
    return () => {
      gone.abort(new Error("another image"));
    };
  }, [image, service]);
  return answer?.of === image && (answer.seen.error ?? answer.seen.sign) ? answer.seen : null;
}
