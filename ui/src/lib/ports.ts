// What the page needs of the world around it; tests and the fake server give their own.

export interface Ports {
  fetch: (address: string, init?: RequestInit) => Promise<Response>;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Leaves the page for another. */
  go: (address: string) => void;
  /** Waits, or rejects when `signal` aborts. */
  wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export const browserPorts: Ports = {
  fetch: (address, init) => window.fetch(address, init),
  now: () => Date.now(),
  go: (address) => {
    window.location.assign(address);
  },
  wait: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        window.removeEventListener("online", go);
        reject(signal.reason as Error);
      };
      const go = () => {
        clearTimeout(timer);
        window.removeEventListener("online", go);
        signal.removeEventListener("abort", stop);
        resolve();
      };
      const timer = setTimeout(go, milliseconds);
      window.addEventListener("online", go);
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
    }),
};
