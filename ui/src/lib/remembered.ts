// What a reload of this tab finds again: the build it watched and the resources chosen. No token, no address.

export interface Remembered {
  build: string | null;
  profile: string;
  /** Chosen resources, by option key. */
  options: Record<string, string>;
  /** Path to open. */
  open: string;
}

const KEY = "hubkiln-watching";

export function recall(store: Storage | undefined = browserStore()): Remembered | null {
  try {
    const value: unknown = JSON.parse(store?.getItem(KEY) ?? "null");
    return isRemembered(value) ? value : null;
  } catch {
    return null;
  }
}

export function remember(value: Remembered | null, store: Storage | undefined = browserStore()): void {
  try {
    if (value) store?.setItem(KEY, JSON.stringify(value));
    else store?.removeItem(KEY);
  } catch {
    // Storage may be full or forbidden; a reload then starts from the server's record.
  }
}

function browserStore(): Storage | undefined {
  try {
    return window.sessionStorage;
  } catch {
    return undefined;
  }
}

function isRemembered(value: unknown): value is Remembered {
  const it = value as Partial<Remembered> | null;
  return typeof it?.profile === "string" && typeof it.open === "string" && typeof it.options === "object";
}
