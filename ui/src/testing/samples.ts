// Pages, environments and builds to test with and to look at.
import type { Build, Engine, Environment, Schedule } from "../lib/api-types";
import type { Page, Profile } from "../lib/page";

const image: NonNullable<Profile["profile_options"]>[string] = {
  display_name: "Environment",
  choices: {
    scipy: { display_name: "Scientific Python", description: "NumPy, SciPy, pandas, Matplotlib on Python 3.12", default: true },
    plain: { display_name: "Plain", description: "JupyterLab and nothing else" },
  },
  unlisted_choice: {
    enabled: true,
    display_name: "Image",
    display_name_in_choices: "Any image",
    validation_regex: "^.+:.+$",
    validation_message: "Give the image with its tag, such as organisation/image:tag.",
  },
  dynamic_image_building: { enabled: true },
};

const memory = {
  display_name: "Memory",
  choices: { g1: { display_name: "1 GB" }, g2: { display_name: "2 GB", default: true }, g4: { display_name: "4 GB" } },
};

const zone = {
  display_name: "Zone",
  choices: Object.fromEntries(["north", "south", "east", "west", "middle"].map((name) => [name, { display_name: name }])),
};

export const page: Page = {
  profiles: [
    { slug: "small", display_name: "Small", description: "Shared machine, good for reading and light work", default: true, profile_options: { memory, image } },
    { slug: "large", display_name: "Large", description: "A machine of your own: 8 CPUs, 32 GB", profile_options: { zone, image } },
  ],
  chosen: {},
  linked: false,
  opens: "",
  autoStart: false,
  startByLink: { images: [], sources: [] },
  environment: "",
  admin: false,
  groups: ["lab"],
  namedServers: false,
  namedServerLimit: 0,
  user: "ada",
  loggedIn: "ada",
  hubApi: "/hub/api/",
  service: "/services/binder/",
  scopes: ["access:services!service=binder"],
  xsrf: "x-1",
  serverName: "",
  problem: "",
};

export const engine: Engine = {
  engine: "sandbox",
  typed_images: { works: true, reason: "" },
  isolation: true,
  limits: { memory: true, cpu: true, reason: "" },
};

export const environments: Environment[] = [
  environment("e1", "Wave tank", "lab/waves", { last_used: "2026-03-01T10:00:00Z" }),
  environment("e2", "lab/course", "lab/course", { owner: "grace", visibility: "public", plan: "run-steps" }),
];

function environment(id: string, name: string, title: string, more: Partial<Environment>): Environment {
  return {
    id,
    name,
    title,
    description: "",
    spec: { provider: "gh", repository: title, ref: "HEAD", subdir: "" },
    commit: "0123456789abcdef0123456789abcdef01234567",
    image: `hubkiln/${title}@sha256:${id}`,
    environment_key: id,
    owner: "ada",
    visibility: "private",
    created: "2026-02-01T10:00:00Z",
    last_used: "2026-02-01T10:00:00Z",
    plan: "compose",
    group: "",
    pinned: false,
    state: "ready",
    bytes: 4.2e8,
    packages: 31,
    built: "2026-02-01T10:00:00Z",
    resources: {},
    ...more,
  };
}

export function build(id: string, more: Partial<Build> = {}): Build {
  return {
    id,
    phase: "queued",
    spec: { provider: "gh", repository: "lab/waves", ref: "HEAD", subdir: "" },
    title: "lab/waves",
    owner: "ada",
    created: "2026-03-02T10:00:00Z",
    started: null,
    finished: null,
    commit: null,
    plan: null,
    why: [],
    image: null,
    environment_key: null,
    name: null,
    reused: false,
    seconds: {},
    queue_position: null,
    queue_seconds: null,
    error: null,
    log_bytes: 0,
    retryable: false,
    ...more,
  };
}

export function schedule(id: string, more: Partial<Schedule> = {}): Schedule {
  const spec = { provider: "gh", repository: "lab/waves", ref: "HEAD", subdir: "" };
  const never = { build: null, last_build: null, last_phase: null, last_at: null, error: null, image: null };
  return { id, spec, as_of: "today", refresh: false, times: "0 4 * * 1", keep: true, author: "ada", created: "2026-03-03T09:00:00Z", next: "2026-03-09T04:00:00Z", paused: false, attempts: 0, ...never, ...more };
}

/** Profiles whose names mean mischief, or show somebody's haste. */
export const hostile: Page["profiles"] = [
  '<script>globalThis.hurt = true</script><img src=x onerror="globalThis.hurt = true">',
  "\u202eesrever dna\u202c \u200f\u2067thgir",
  "x".repeat(500),
  "🧪👩🏽‍🔬🇩🇪 emoji",
  " ",
  "Same",
  "Same",
  `"quotes' & <b>marks</b>`,
].map((name, at) => ({ slug: `h${String(at)}`, display_name: name, description: `${name} ${name}`, default: at === 4 }));
