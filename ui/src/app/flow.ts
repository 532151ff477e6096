// Where the visit stands: choosing, watching a build, or sending the form; and what moves it on.
import type { Build, Problem } from "../lib/api-types";
import type { Field } from "../features/choose/fields";

export interface Flow {
  /** The build shown in place of the form, or null while choosing. */
  build: Build | null;
  /** Whether this page's form asked for that build, so that the choice is its. */
  asked: boolean;
  /** Whether the server starts by itself once that build is ready: the user asked for both at once. */
  startsItself: boolean;
  /** Which way the user came back to the form, or "" on the first visit of it. */
  cameBackTo: "" | "change" | "leave";
  /** The field that the user came back for, or "". */
  field: string;
  /** A request for a build is on its way. */
  asking: boolean;
  /** Fields on their way to the hub; the page is about to be left. */
  sending: readonly Field[] | null;
  /** Where the hub leads after the start, or "" for where it would. */
  next: string;
  /** Why the last thing asked for did not happen. */
  problem: Problem | null;
}

export type FlowEvent =
  | { type: "asked" }
  | { type: "refused"; problem: Problem }
  | { type: "watching"; build: Build; asked: boolean; startsItself: boolean }
  | { type: "chosen-again"; to: "change" | "leave"; field: string }
  | { type: "sent"; fields: readonly Field[]; next: string }
  | { type: "came-back" };

export const CHOOSING: Flow = { build: null, asked: false, startsItself: false, cameBackTo: "", field: "", asking: false, sending: null, next: "", problem: null };

export function reduce(state: Flow, event: FlowEvent): Flow {
  switch (event.type) {
    case "asked":
      return { ...state, asking: true, problem: null };
    case "refused":
      return { ...state, asking: false, sending: null, problem: event.problem };
    case "watching":
      return state.sending ? state : { ...CHOOSING, build: event.build, asked: event.asked, startsItself: event.startsItself };
    case "chosen-again":
      return { ...CHOOSING, cameBackTo: event.to, field: event.field };
    case "sent":
      return { ...state, asking: false, problem: null, sending: event.fields, next: event.next };
    case "came-back":
      return { ...state, sending: null };
  }
}
