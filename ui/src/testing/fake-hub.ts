// The hub's token call and the build service, in memory, behind a `fetch`; for the tests and for the page alone.
import { hasEnded, type Allowance, type Build, type BuildOrder, type Engine, type Environment, type Forecast, type Newer, type Problem, type Refs, type Rule, type RuleOrder, type Schedule, type ScheduleOrder, type SeenImage, type Spec } from "../lib/api-types";
import { FakeBuild } from "./fake-build";
import { scheduled, stepped } from "./fake-schedules";
import * as samples from "./samples";

interface Ordered {
  what: string;
  image?: string;
  spec?: string;
  ref?: string;
  subdir?: string;
}

type Route = [method: string, path: RegExp, answer: (found: string[], body: unknown, init: RequestInit) => Response];

export class FakeHub {
  engine: Engine = samples.engine;
  environments: Environment[] = [...samples.environments];
  /** What hosts say of the environments' repositories. */
  newer: Newer[] = [];
  rules: Rule[] = [];
  schedules: Schedule[] = [];
  /** What the version before, `old`, was made of, where that was something else. */
  before: Spec | null = null;
  /** What was ordered of environments. */
  readonly orders: ({ id: string } & Ordered)[] = [];
  /** Newest first. */
  builds: FakeBuild[] = [];
  /** Each request as `METHOD address`. */
  readonly asked: string[] = [];
  /** What builds were asked for. */
  readonly requests: BuildOrder[] = [];
  /** The token that is good now. */
  token = "token-1";
  /** Who is logged in, and the token against cross-site requests that this login has; nobody if null. */
  login: { name: string; xsrf: string } | null = { name: "ada", xsrf: "" };
  /** The fields that its form was sent with, or null as long as it was not. */
  posted: Record<string, string> | null = null;
  /** What it tells of a server's start. */
  start: object[] = [{ progress: 50, message: "Opening the sandbox" }, { progress: 100, ready: true, url: "/user/ada/" }];
  /** The user's servers. */
  servers: Record<string, object> = {};
  /** Why it refuses the form, or "". */
  unwilling = "";
  /** What the user may have. */
  allowance: Allowance = { changed: [], limits: {}, used: { user_builds_daily: 0, user_build_time_daily: 0, user_launches_daily: 0, user_stored: null } };
  /** The branches and tags of every repository. */
  refs: Refs = { default: "trunk", branches: ["trunk", "dev"], tags: ["v2", "v1"], more: 0, error: null };
  /** What differs in forecasts, by ref. */
  forecasts: Record<string, Partial<Forecast>> = {};
  /** No request gets an answer, but who is logged in. */
  down = false;
  /** The next request for a build is refused with this. */
  refusal: { status: number; error: Problem } | null = null;
  /** What happens to a new build by itself; nothing, unless set. */
  story: (build: FakeBuild) => void = () => undefined;

  add(build: Partial<Build> = {}): FakeBuild {
    const made = new FakeBuild(samples.build(`b${String(this.builds.length + 1)}`, { created: new Date().toISOString(), ...build }));
    this.builds.unshift(made);
    return made;
  }

  fetch = async (address: string, init: RequestInit = {}): Promise<Response> => {
    const method = init.method ?? "GET";
    this.asked.push(`${method} ${address}`);
    await Promise.resolve();
    const asked = /\/hub\/api\/user\?_xsrf=([^&]*)/.exec(address);
    if (asked) return this.login && (!this.login.xsrf || this.login.xsrf === asked[1]) ? json({ name: this.login.name, servers: this.servers }) : json({ status: 403, message: "Forbidden" }, 403);
    if (method === "POST" && !/\/(hub\/api|services)\//.test(address)) return this.#spawned(init);
    const stopped = /\/hub\/api\/users\/ada\/(?:server|servers\/([^?]+))\?/.exec(address);
    if (method === "DELETE" && stopped) {
      this.servers = Object.fromEntries(Object.entries(this.servers).filter(([name]) => name !== (stopped[1] ?? "")));
      return new Response(null, { status: 204 });
    }
    if (/\/progress\?_xsrf=/.test(address)) return new Response(this.start.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
    if (this.down) throw new TypeError("Failed to fetch");
    const token = /\/hub\/api\/users\/([^/]+)\/tokens/.exec(address);
    if (token) return json({ token: this.token }, 201);
    const path = address.replace(/^.*\/services\/binder\//, "");
    if (new Headers(init.headers).get("Authorization") !== `Bearer ${this.token}`) return problem(401, "unauthorized", "No valid token.");
    const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
    for (const [verb, pattern, answer] of this.#routes) {
      const found = pattern.exec(path);
      if (verb === method && found) return answer(found.slice(1), body, init);
    }
    return problem(404, "not_found", "There is no such thing.");
  };

  #routes: Route[] = [
    ["GET", /^api\/recognised\?(.*)$/, ([query]) => recognised(new URLSearchParams(query))],
    ["GET", /^api\/forecast\?(.*)$/, ([query]) => this.#foretold(new URLSearchParams(query))],
    ["GET", /^api\/limits$/, () => json(this.allowance)],
    ["GET", /^api\/refs\?/, () => json(this.refs)],
    ["GET", /^api\/images\/look\?ref=(.*)$/, ([ref]) => json(seenImage(decodeURIComponent(ref ?? "")))],
    ["GET", /^api\/engine$/, () => json(this.engine)],
    ["GET", /^api\/builds(?:\?.*)?$/, () => json({ builds: this.builds.map(({ build }) => build) })],
    ["POST", /^api\/builds$/, (_, body) => this.#start(body as BuildOrder)],
    ["GET", /^api\/builds\/([^/]+)$/, ([id]) => this.#with(id, ({ build }) => json(build))],
    ["DELETE", /^api\/builds\/([^/]+)$/, ([id]) => this.#with(id, cancelled)],
    ["POST", /^api\/builds\/([^/]+)\/retry$/, ([id]) => this.#with(id, ({ build }) => this.#begin(build.spec.repository, build.spec.ref))],
    ["GET", /^api\/builds\/([^/]+)\/log$/, ([id], _, init) => this.#with(id, ({ log }) => ranged(log, init))],
    ["GET", /^api\/builds\/([^/]+)\/events(?:\?log_from=(\d+))?$/, ([id, from], _, init) => this.#with(id, (build) => streamed(build, init, Number(from ?? 0)))],
    ["GET", /^api\/newer\?(.*)$/, ([query]) => json({ newer: this.newer.filter(({ id }) => new URLSearchParams(query).getAll("id").includes(id)) })],
    ["POST", /^api\/environments\/([^/]+)\/copies$/, ([id]) => this.#copied(id)],
    ["GET", /^api\/environments(?:\?(.*))?$/, ([query]) => this.#listed(new URLSearchParams(query))],
    ["GET", /^api\/environments\/([^/?]+)$/, ([id]) => this.#detailed(id)],
    ["GET", /^api\/environments\/[^/]+\/packages(?:\?image=(.*))?$/, ([image]) => json({ python: "3.11", packages: [{ name: "numpy", version: image === "old" ? "1.0" : "2.0", kernel: false }], download_bytes: 7e6 })],
    ["GET", /^api\/environments\/([^/]+)\/exports\/(.+)$/, ([id, kind]) => new Response(`${kind ?? ""} of ${id ?? ""}`)],
    ["GET", /^api\/storage\/users$/, () => json({ users: [{ owner: "grace", environments: 2, bytes: 3e9, unknown: 1 }] })],
    ["GET", /^api\/schedules$/, () => json({ schedules: this.schedules })],
    ["POST", /^api\/schedules$/, (_, body) => this.#scheduled(body as ScheduleOrder)],
    ["POST", /^api\/schedules\/([^/]+)\/(pause|go-on|run)$/, ([id, step]) => json(stepped(this.schedules, id, step))],
    ["DELETE", /^api\/schedules\/(.+)$/, ([id]) => { this.schedules = this.schedules.filter((one) => one.id !== id); return new Response(null, { status: 204 }); }],
    ["GET", /^api\/rules$/, () => json({ rules: this.rules })],
    ["POST", /^api\/rules$/, (_, body) => this.#ruled(body as RuleOrder)],
    ["DELETE", /^api\/rules\/(.+)$/, ([id]) => { this.rules = this.rules.filter((rule) => rule.id !== id); return new Response(null, { status: 204 }); }],
    ["GET", /^api\/storage$/, () => json({ kept: 3, kept_bytes: 5e6, gone: 0, gone_bytes: 0, stores: [{ name: "wheels", kept: 3, kept_bytes: 5e6, gone: 0, gone_bytes: 0 }] })],
    ["POST", /^api\/environments\/([^/]+)\/builds$/, ([id], body) => this.#ordered(id, body as Ordered)],
    ["PATCH", /^api\/environments\/([^/]+)$/, ([id], body) => this.#change(id, body as Partial<Environment>)],
    ["DELETE", /^api\/environments\/([^/]+)$/, ([id]) => this.#forget(id)],
  ];

  #with(id: string | undefined, answer: (build: FakeBuild) => Response): Response {
    const found = this.builds.find(({ build }) => build.id === id);
    return found ? answer(found) : problem(404, "not_found", "There is no such build.");
  }

  #spawned({ body }: RequestInit): Response {
    this.posted = Object.fromEntries(body as URLSearchParams);
    if (!this.unwilling) return new Response(null, { status: 302 });
    return new Response(`<p class="spawn-error-msg"> Error: ${this.unwilling} </p>`, { status: Number(/^HTTP (\d+)/.exec(this.unwilling)?.[1] ?? 400), headers: { "Content-Type": "text/html" } });
  }

  #foretold(query: URLSearchParams): Response {
    return json({ outcome: "compose", seconds: 21.4, why: ["It asks for packages alone."], commit: "c".repeat(40), earlier: false, error: null, ...this.forecasts[query.get("ref") ?? ""] });
  }

  #start(request: BuildOrder): Response {
    this.requests.push(request);
    const refusal = this.refusal;
    this.refusal = null;
    if (refusal) return problem(refusal.status, refusal.error.code, refusal.error.message, refusal.error.hint);
    return this.#begin(request.spec, request.ref ?? "HEAD");
  }

  #begin(repository: string, ref: string): Response {
    const title = repository.replace(/^\w+:\/\/[^/]+\/|\.git$/g, "");
    const provider = repository.includes("://") ? "git" : "gh";
    const made = this.add({ title, spec: { provider, repository, ref, subdir: "" } });
    this.story(made);
    return json(made.build, 201);
  }

  #ruled(order: RuleOrder): Response {
    if (order.kind === "network" && !/^[\d.]+/.test(order.pattern)) return problem(400, "bad_spec", `'${order.pattern}' is no network.`, "Write it as 192.0.2.0/24.");
    const rule: Rule = { ...order, expires: order.expires ?? null, id: `r${String(this.rules.length + 1)}`, author: "ada", created: "2026-03-03T09:00:00Z" };
    this.rules.unshift(rule);
    return json(rule, 201);
  }

  #scheduled(order: ScheduleOrder): Response {
    const made = scheduled(this.schedules, order);
    return made ? json(made, 201) : problem(400, "bad_spec", `'${order.times}' are no times.`, "Write them as cron does, in UTC: `0 4 * * 1` is Mondays at 4.");
  }

  #ordered(id: string | undefined, ordered: Ordered): Response {
    this.orders.push({ id: id ?? "", ...ordered });
    return this.#begin(ordered.spec ?? this.environments.find((one) => one.id === id)?.title ?? "", ordered.ref ?? "HEAD");
  }

  #copied(id: string | undefined): Response {
    const one = this.environments.find((candidate) => candidate.id === id);
    if (!one) return problem(404, "not_found", "There is no such environment.");
    const made = { ...one, id: `${one.id}-copy`, name: `${one.name} (copy)`, owner: "ada", visibility: "private" as const };
    this.environments.push(made);
    return json(made, 201);
  }

  #change(id: string | undefined, change: Partial<Environment>): Response {
    const spec = change.image === "old" && this.before ? { spec: this.before } : {};
    this.environments = this.environments.map((one) => (one.id === id ? { ...one, ...change, ...spec } : one));
    return json(this.environments.find((one) => one.id === id));
  }

  #listed(query: URLSearchParams): Response {
    const words = query.get("q") ?? "";
    const found = this.environments.filter(({ name }) => name.includes(words));
    const offset = Number(query.get("offset") ?? 0);
    return json({ environments: found.slice(offset, offset + Number(query.get("limit") ?? found.length)), total: found.length });
  }

  #detailed(id: string | undefined): Response {
    const one = this.environments.find((other) => other.id === id);
    if (!one) return problem(404, "not_found", "There is no such environment.");
    const version = (image: string, built: string) => ({ image, commit: one.commit, plan: one.plan, built, current: image === one.image, build: null, spec: one.spec, bytes: 4.2e8, packages: 31, gone: false });
    const versions = one.owner === "ada" ? [version(one.image, "2026-03-01T10:00:00Z"), version("old", "2026-02-01T10:00:00Z")] : [];
    return json({ ...one, versions, link: `gh/${one.title}/HEAD`, exports: ["lock"] });
  }

  #forget(id: string | undefined): Response {
    this.environments = this.environments.filter((one) => one.id !== id);
    return new Response(null, { status: 204 });
  }
}

function seenImage(ref: string): SeenImage {
  const seen: SeenImage = { size_bytes: 1.23e9, platform: "linux/amd64", created: "2026-01-01T00:00:00Z", sign: ref.includes("notebook") ? "jupyterhub" : "none", error: null };
  return ref.includes("gone") ? { ...seen, error: { code: "not_found", message: `There is no image ${ref}.`, hint: "Check its tag." } } : seen;
}

/** Enough of the service's reading for the page: `org/repo`, addresses, one page of GitHub, images and packages. */
function recognised(query: URLSearchParams): Response {
  const text = query.get("text") ?? "";
  const page = /^https:\/\/github\.com\/([^/]+\/[^/]+)\/blob\/([^/]+)\/(.+)$/.exec(text);
  const spec = (provider: string, repository: string, ref = "HEAD") => ({ provider, repository, ref: query.get("ref") ?? ref, subdir: query.get("subdir") ?? "" });
  const base = { kind: "repository", value: text, title: text, source: "GitHub", opens: "", link: `gh/${text}/HEAD` };
  const lines = text.replace(/^inline\//, "").replace(/%0A/g, "\n").split(/\s*[\n,]+\s*/).filter(Boolean);
  if (text.startsWith("inline/") || text.includes("\n")) return json({ ...base, kind: "packages", title: lines.join(", "), spec: { ...spec("inline", lines.join(",")), ref: "HEAD" }, link: "inline/x" });
  if (page) return json({ ...base, title: page[1], spec: spec("gh", page[1] ?? "", page[2]), opens: `lab/tree/${page[3] ?? ""}`, link: `gh/${page[1] ?? ""}/${page[2] ?? ""}` });
  if (text.includes("://")) return json({ ...base, spec: spec("git", text), source: "git", link: `git/${encodeURIComponent(text)}/HEAD` });
  if (/^[\w./-]+:[\w.]+$/.test(text)) return json({ ...base, kind: "image", spec: null, link: "" });
  if (/^[\w-]+(?:[ ,]+[\w=.-]+)+$/.test(text)) return json({ ...base, kind: "packages", spec: spec("inline", text.replace(/[ ,]+/g, ",")), link: "inline/x" });
  const [, name = "", ref = "HEAD"] = /^(?:(?:\/v2\/)?gh\/)?([^/]+\/[^/]+)(?:\/(.+))?$/.exec(text) ?? [];
  return name ? json({ ...base, title: name, spec: spec("gh", name, decodeURIComponent(ref)), link: `gh/${name}/${ref}` }) : problem(400, "bad_spec", `\`${text}\` does not name a repository.`, "Give an address.");
}

function cancelled(build: FakeBuild): Response {
  if (hasEnded(build.build.phase)) return problem(409, "conflict", "The build has ended.");
  build.end("cancelled");
  return json(build.build);
}

function streamed(build: FakeBuild, init: RequestInit, logFrom: number): Response {
  const stream = build.stream(new Headers(init.headers).get("Last-Event-ID"), logFrom, init.signal);
  return new Response(stream, { headers: { "Content-Type": "text/event-stream" } });
}

/** A text, or the bytes of it that a `Range` asks for. */
function ranged(text: string, init: RequestInit): Response {
  const range = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init.headers).get("Range") ?? "");
  if (!range) return new Response(text);
  return new Response(new TextEncoder().encode(text).slice(Number(range[1]), Number(range[2]) + 1), { status: 206 });
}

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: { "Content-Type": "application/json" } });

const problem = (status: number, code: string, message: string, hint = ""): Response => json({ error: { code, message, hint } }, status);
