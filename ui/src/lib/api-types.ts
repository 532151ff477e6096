// The words that the build service speaks, as it writes them in JSON.

export type Phase =
  | "queued"
  | "resolving"
  | "fetching"
  | "planning"
  | "locking"
  | "building"
  | "pushing"
  | "verifying"
  | EndPhase;

export type EndPhase = "ready" | "failed" | "cancelled" | "interrupted";

const ENDS: readonly string[] = ["ready", "failed", "cancelled", "interrupted"];

/** Whether nothing follows this phase. */
export const hasEnded = (phase: Phase): phase is EndPhase => ENDS.includes(phase);

export interface Spec {
  provider: string;
  repository: string;
  ref: string;
  subdir: string;
}

/** What a typed or pasted text means. */
export interface Recognised {
  kind: "repository" | "image" | "packages";
  /** What it says, without what is around it. */
  value: string;
  spec: Spec | null;
  title: string;
  /** Where the repository lives, as people call it. */
  source: string;
  /** What a link wants to be opened: an address below the server's. */
  opens: string;
  /** What follows `/v2/` in a link to it. */
  link: string;
}

/** What a build would come to. */
export interface Forecast {
  outcome: "ready" | "joined" | "compose" | "run-steps" | "repo2docker" | "unknown" | "refused";
  /** About how long, by earlier builds. */
  seconds: number | null;
  why: string[];
  commit: string;
  /** Whether an earlier commit of the same repository tells it. */
  earlier: boolean;
  error: Problem | null;
}

/** Branches and tags. */
export interface Refs {
  default: string;
  branches: string[];
  /** Highest version first. */
  tags: string[];
  /** How many are left out. */
  more: number;
}

/** An image as its registry describes it; all null where nobody can be asked. */
export interface SeenImage {
  size_bytes: number | null;
  platform: string | null;
  created: string | null;
  /** What its description names. */
  sign: "jupyterhub" | "jupyter" | "none" | null;
  error: Problem | null;
}

/** What went wrong, in words meant for the user. */
export interface Problem {
  code: string;
  message: string;
  hint: string;
  /** Whether the page itself says it, in its reader's language; what the service says is English. */
  own?: true;
  /** Where it can be put right, of the page's own problems alone. */
  link?: { text: string; href: string };
}

export interface Build {
  id: string;
  phase: Phase;
  spec: Spec;
  title: string;
  owner: string;
  created: string;
  started: string | null;
  finished: string | null;
  commit: string | null;
  plan: string | null;
  why: string[];
  image: string | null;
  environment_key: string | null;
  name: string | null;
  reused: boolean;
  seconds: Partial<Record<Phase, number>>;
  queue_position: number | null;
  queue_seconds: number | null;
  error: Problem | null;
  log_bytes: number;
  retryable: boolean;
}

export interface Environment {
  id: string;
  name: string;
  description: string;
  spec: Spec;
  title: string;
  commit: string;
  image: string;
  environment_key: string;
  owner: string;
  visibility: "private" | "group" | "public";
  /** Who may use it where the visibility is "group". */
  group?: string;
  created: string;
  last_used: string | null;
  plan: string;
  /** Whether all its versions are kept. */
  pinned?: boolean;
}

/** An image that an environment has, or had. */
export interface Version {
  image: string;
  commit: string;
  plan: string;
  built: string;
  current: boolean;
  /** Id of the build that made it, whose log may be read. */
  build: string | null;
}

export interface EnvironmentDetails extends Environment {
  versions: Version[];
  link: string;
  exports: string[];
}

/** The packages of an image. */
export interface Contained {
  python: string;
  packages: { name: string; version: string; kernel: boolean }[];
  download_bytes: number | null;
}

export interface Engine {
  engine: string;
  typed_images: { works: boolean; reason: string };
  isolation: boolean;
  limits: { memory: boolean; cpu: boolean; reason: string };
  /** Whether what is built goes to a registry; else it stays on the build service's machine. */
  pushes?: boolean;
  /** Whether servers run elsewhere than on that machine, as the hub says. */
  elsewhere?: boolean;
}

/** What `POST api/builds` takes. */
export interface BuildRequest {
  spec: string;
  ref?: string;
  subdir?: string;
  as_of?: string;
  refresh?: boolean;
}

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
