// The words that the build service speaks. They are made of its own description: `npm run wire` after
// `python -m hubkiln.web.reference`; what is not in there, the messages of streams, is written here.
import type { components } from "./openapi";

type Models = components["schemas"];

export type Phase = Models["Phase"];

export type EndPhase = Extract<Phase, "ready" | "failed" | "cancelled" | "interrupted">;

const ENDS: readonly string[] = ["ready", "failed", "cancelled", "interrupted"] satisfies EndPhase[];

/** Whether nothing follows this phase. */
export const hasEnded = (phase: Phase): phase is EndPhase => ENDS.includes(phase);

export type Spec = Models["SpecModel"];

/** What a typed or pasted text means. */
export type Recognised = Models["RecognisedModel"];

/** What a build would come to. */
export type Forecast = Omit<Models["ForecastModel"], "error"> & { error: Problem | null };

/** Branches and tags. */
export type Refs = Omit<Models["RefsModel"], "error"> & { error?: Problem | null };

/** An image as its registry describes it; all null where nobody can be asked. */
export type SeenImage = Omit<Models["SeenModel"], "error"> & { error: Problem | null };

/** What went wrong, in words meant for the user. */
export type Problem = Models["ErrorModel"] & {
  /** Whether the page itself says it, in its reader's language; what the service says is English. */
  own?: true;
  /** Where it can be put right, of the page's own problems alone. */
  link?: { text: string; href: string };
};

export type Build = Omit<Models["BuildModel"], "seconds" | "error"> & {
  seconds: Partial<Record<Phase, number>>;
  error: Problem | null;
};

export type Environment = Models["EnvironmentModel"];

/** An image that an environment has, or had. */
export type Version = Models["VersionModel"];

export type EnvironmentDetails = Models["FullEnvironmentModel"];

/** What a repository has that its environment has not. */
export type Newer = Models["NewerModel"];

/** The packages of an image. */
export type Contained = Models["PackageList"];

/** What servers run in, as the service says it of its own machine, or the hub of where servers run. */
export type Engine = Omit<Models["EngineModel"], "engine" | "pushes"> & {
  engine: string;
  pushes?: boolean;
  /** Whether servers run elsewhere than on that machine, as the hub says. */
  elsewhere?: boolean;
};

/** What `POST api/builds` takes. */
export type BuildRequest = Pick<Partial<Models["BuildOrder"]>, "subdir" | "as_of" | "refresh"> & Pick<Models["BuildOrder"], "spec"> & { ref?: string };

/** The same, with the resources that its environment is to keep. */
export type BuildOrder = BuildRequest & Pick<Partial<Models["BuildOrder"]>, "resources">;

export type Rule = Models["RuleModel"];

export type RuleOrder = Models["RuleOrder"];

/** What is built at certain times, or a push that is tried again. */
export type Schedule = Omit<Models["ScheduleModel"], "error"> & { error: Problem | null };

export type ScheduleOrder = Pick<Partial<Models["ScheduleOrder"]>, "refresh" | "keep"> & Pick<Models["ScheduleOrder"], "spec" | "times"> & { ref?: string };

/** What is kept for one user. */
export type HeldBy = Models["HeldModel"];

export type StorageReport = Models["StorageModel"];

/** One message of a build's event stream. */
export type BuildEvent =
  | { type: "phase"; phase: Phase; at: string }
  | { type: "log"; text: string; offset: number }
  | { type: "queued"; position: number; seconds?: number | null }
  | { type: "resolved"; commit: string }
  | { type: "planned"; plan: string; why: string[] }
  | { type: "progress"; done: number; total: number }
  | { type: "end"; build: Build };

/** An event with its place in the stream. */
export interface Numbered {
  seq: number;
  event: BuildEvent;
}

/** How much the user may have, by the names of settings, and has had in 24 hours. */
export type Allowance = Models["OwnLimitsModel"];
