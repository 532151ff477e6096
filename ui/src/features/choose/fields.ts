// The fields that the form posts: KubeSpawner's names, and of the chosen profile only.
import type { Spec } from "../../lib/api-types";
import { isAddress } from "../../lib/opening";
import { IMAGE, resourceOptions } from "../../lib/page";
import { addressOf } from "../../lib/spec";
import { OTHER, type Choice } from "./choice";
import { openOf, type InForce } from "./offers";

export type Field = readonly [name: string, value: string];

/** An image made here from a repository. */
export interface Made {
  image: string;
  spec: Spec;
  /** Path to open in it, or "". */
  open: string;
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
  if (made) return madeFields(name, made);
  if (now.source === "typed") return [[`${name}--unlisted-choice`, choice.typed.trim()]];
  if (now.source !== "listed" || !now.picked) return [];
  if (now.picked.kind === "saved") return madeFields(name, { ...now.picked.environment, open: openOf(choice, now) });
  return [[name, now.picked.key]];
}

/** What the hub takes of one field; a longer address is left out, since the image alone is needed. */
const LONGEST = 1024;

function madeFields(name: string, { image, spec, open }: Made): Field[] {
  const address = addressOf(spec);
  const from: Field[] = [
    [`${name}--unlisted-choice--repo`, address],
    [`${name}--unlisted-choice--ref`, spec.ref],
  ];
  if (spec.subdir) from.push([`${name}--unlisted-choice--subdir`, spec.subdir]);
  return [
    [name, "--extra-selectable-item"],
    [`${name}--unlisted-choice`, image],
    ...(address.length > LONGEST ? [] : from),
    ...(open.trim() && !isAddress(open) ? [["hubkiln-open", open.trim()] as const] : []),
  ];
}
