// A build of the fake service: a journal of events, and streams that replay and follow it.
import { hasEnded, type Build, type BuildEvent, type EndPhase, type Phase, type Problem } from "../lib/api-types";

type Sink = ReadableStreamDefaultController<Uint8Array>;

export class FakeBuild {
  readonly events: BuildEvent[] = [];
  log = "";
  /** `Last-Event-ID` of each stream opened, null where none was sent. */
  readonly opened: (string | null)[] = [];
  #sinks = new Set<Sink>();

  constructor(public build: Build) {
    if (!hasEnded(build.phase)) this.phase(build.phase);
  }

  phase(phase: Phase): void {
    this.build = { ...this.build, phase };
    this.#tell({ type: "phase", phase, at: new Date().toISOString() });
  }

  say(text: string): void {
    const offset = this.build.log_bytes;
    this.log += text;
    this.build = { ...this.build, log_bytes: offset + bytesOf(text) };
    this.#tell({ type: "log", text, offset });
  }

  tell(event: BuildEvent): void {
    if (event.type === "planned") this.build = { ...this.build, plan: event.plan, why: event.why };
    if (event.type === "resolved") this.build = { ...this.build, commit: event.commit };
    if (event.type === "queued") this.build = { ...this.build, queue_position: event.position };
    this.#tell(event);
  }

  end(phase: EndPhase, more: Partial<Build> = {}): void {
    if (hasEnded(this.build.phase)) return;
    this.build = { ...this.build, phase, finished: new Date().toISOString(), ...more };
    this.#tell({ type: "end", build: this.build });
    this.#sinks.forEach((sink) => {
      sink.close();
    });
    this.#sinks.clear();
  }

  ready(): void {
    this.end("ready", { image: `hubkiln/${this.build.title}@sha256:${this.build.id}` });
  }

  fail(error: Problem, retryable: boolean): void {
    this.end("failed", { error, retryable });
  }

  /** Breaks every open stream, as a lost connection does. */
  cut(): void {
    this.#sinks.forEach((sink) => {
      sink.error(new TypeError("network error"));
    });
    this.#sinks.clear();
  }

  /** Log text that ends before byte `logFrom` is left out, as the service does; `gone` ends it, as a browser does. */
  stream(lastId: string | null, logFrom = 0, gone?: AbortSignal | null): ReadableStream<Uint8Array> {
    this.opened.push(lastId);
    let mine: Sink;
    return new ReadableStream<Uint8Array>({
      start: (sink) => {
        mine = sink;
        this.events.forEach((event, index) => {
          if (event.type === "log" && event.offset + bytesOf(event.text) <= logFrom) return;
          if (index + 1 > Number(lastId ?? 0)) sink.enqueue(frame(index + 1, event));
        });
        if (hasEnded(this.build.phase)) sink.close();
        else this.#sinks.add(sink);
        gone?.addEventListener("abort", () => {
          if (this.#sinks.delete(sink)) sink.error(gone.reason);
        });
      },
      cancel: () => {
        this.#sinks.delete(mine);
      },
    });
  }

  #tell(event: BuildEvent): void {
    this.events.push(event);
    this.#sinks.forEach((sink) => {
      sink.enqueue(frame(this.events.length, event));
    });
  }
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

const frame = (seq: number, event: BuildEvent): Uint8Array =>
  new TextEncoder().encode(`id: ${String(seq)}\ndata: ${JSON.stringify(event)}\n\n`);
