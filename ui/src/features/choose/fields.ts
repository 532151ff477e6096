// The fields that the form posts: KubeSpawner's names, and of the chosen profile only.
import type { Spec } from "../../lib/api-types";
import { IMAGE, resourceOptions } from "../../lib/page";
import { OTHER, type Choice } from "./choice";
import type { InForce } from "./offers";

export type Field = readonly [name: string, value: string];

/** An image made here from a repository. */
export interface Made {
  image: string;
  spec: Spec;
}

/** What to post for `choice`; `made` is the image of a build that has just become ready. */
export function postedFields(choice: Choice, now: InForce, made: Made | null): Field[] {
  const { profile } = now;
  if (!profile) return [];
  const name = (option: string) => `profile-option-${profile.slug}--${option}`;
  return [
    ["profile", profile.slug],
    ...resourceOptions(profile).map(([key]) => answerField(name(key), choice.answers[profile.slug]?.[key])),
    ...environmentFields(name(IMAGE), choice, now, made),
  ].filter((field): field is Field => field !== null);
}

function answerField(name: string, answer: { choice: string; text: string } | undefined): Field | null {
  if (!answer) return null;
  return answer.choice === OTHER ? [`${name}--unlisted-choice`, answer.text.trim()] : [name, answer.choice];
}

function environmentFields(name: string, choice: Choice, now: InForce, made: Made | null): Field[] {
  if (made) return madeFields(name, made, choice.open);
  if (now.source === "typed") return [[`${name}--unlisted-choice`, choice.typed.trim()]];
  if (now.source !== "listed" || !now.picked) return [];
  if (now.picked.kind === "saved") return madeFields(name, now.picked.environment, choice.open);
  return [[name, now.picked.key]];
}

function madeFields(name: string, made: Made, open: string): Field[] {
  const fields: Field[] = [
    [name, "--extra-selectable-item"],
    [`${name}--unlisted-choice`, made.image],
    [`${name}--unlisted-choice--repo`, made.spec.repository],
    [`${name}--unlisted-choice--ref`, made.spec.ref],
  ];
  return open.trim() ? [...fields, ["hubkiln-open", open.trim()]] : fields;
}
