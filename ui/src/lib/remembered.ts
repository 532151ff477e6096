// What a reload of this tab finds again: the build it watched and the choice. No token, no password.

export interface Remembered {
  /** Id of the build watched, or null. */
  build: string | null;
  /** Whether this page's form asked for that build, so that the choice is its. */
  asked: boolean;
  /** The form was on its way to the hub: of use only if the hub refuses it. */
  sent: boolean;
  /** The choice, as its feature keeps it. */
  choice: unknown;
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
  const build = it?.build === null || typeof it?.build === "string";
  return build && typeof it?.asked === "boolean" && typeof it.sent === "boolean" && typeof it.choice === "object";
}
