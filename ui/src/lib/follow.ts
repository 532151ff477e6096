// Follows a build's event stream to its end, however often the connection breaks on the way.
import type { BuildEvent, Numbered } from "./api-types";
import { Failure } from "./failure";
import type { Service } from "./service";
import { makeReader } from "./sse";

export interface Listener {
  /** Events as they came, in order, none twice. */
  events: (events: Numbered[]) => void;
  /** Whether the stream is open; told at each change. */
  connected: (yes: boolean) => void;
}

/** Milliseconds to wait before each next try; the last is kept. */
const PAUSES = [500, 1000, 2000, 4000, 8000, 15000];
/** The service says something at least every 20 s; after this long we call the connection dead. */
const SILENCE = 45_000;

/** Where to begin. */
export interface Start {
  /** The number of the last event known, -1 for none. */
  after: number;
  /** Log text that ends before this byte of the log is left out. */
  logFrom: number;
}

/**
 * Tells `listener` each event of build `id` from `start` on, until the `end` event.
 *
 * Returns at the end or when `signal` aborts. Raises Failure when trying again cannot help.
 */
export async function follow(service: Service, id: string, start: Start, listener: Listener, signal: AbortSignal): Promise<void> {
  const at = { seq: start.after, logFrom: start.logFrom, ended: false, failures: 0 };
  while (!at.ended && !signal.aborted) {
    try {
      await readOnce(service, id, at, listener, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Failure && !error.passing) throw error;
    }
    if (at.ended || signal.aborted) return;
    listener.connected(false);
    // Without a network there is nothing to try; the wait ends as soon as it is back.
    const pause = PAUSES[navigator.onLine ? Math.min(at.failures++, PAUSES.length - 1) : PAUSES.length - 1] ?? 0;
    await service.ports.wait(pause, signal).catch(() => undefined);
  }
}

interface Position {
  seq: number;
  logFrom: number;
  ended: boolean;
  failures: number;
}

async function readOnce(service: Service, id: string, at: Position, listener: Listener, signal: AbortSignal): Promise<void> {
  const broken = new AbortController();
  const stop = () => {
    broken.abort(signal.reason);
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const watch = makeWatchdog(() => {
    broken.abort(new Error("silence"));
  });
  // A network that is gone closes no connection: without this the page would learn it by the silence.
  const cut = () => {
    broken.abort(new Error("offline"));
  };
  window.addEventListener("offline", cut);
  try {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (at.seq >= 0) headers["Last-Event-ID"] = String(at.seq);
    const query = at.logFrom ? `?log_from=${String(at.logFrom)}` : "";
    const response = await service.send(`api/builds/${encodeURIComponent(id)}/events${query}`, { headers, signal: broken.signal });
    listener.connected(true);
    await readBody(response, at, listener, watch.fed);
  } finally {
    watch.stop();
    window.removeEventListener("offline", cut);
    broken.abort();
    signal.removeEventListener("abort", stop);
  }
}

async function readBody(response: Response, at: Position, listener: Listener, fed: () => void): Promise<void> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  const read = makeReader();
  while (reader && !at.ended) {
    const { done, value } = await reader.read();
    if (done) return;
    fed();
    const events = read(decoder.decode(value, { stream: true }))
      .map(({ id, data }): Numbered => ({ seq: Number(id), event: JSON.parse(data) as BuildEvent }))
      .filter(({ seq, event }) => seq > at.seq || event.type === "end");
    const last = events.at(-1);
    if (!last) continue;
    at.seq = last.seq;
    at.failures = 0;
    at.ended = last.event.type === "end";
    listener.events(events);
  }
}

function makeWatchdog(bark: () => void) {
  let timer = setTimeout(bark, SILENCE);
  return {
    fed: () => {
      clearTimeout(timer);
      timer = setTimeout(bark, SILENCE);
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}
