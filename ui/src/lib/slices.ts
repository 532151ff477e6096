// Work in pieces short enough that the page answers between them.

/** Milliseconds that one piece may take. */
const PIECE = 12;
/** Milliseconds between pieces: one picture's time. */
const BREATH = 16;

/** Calls `step` until it returns false, with pauses. Returns what ends it early. */
export function inSlices(step: () => boolean): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slice = () => {
    const until = performance.now() + PIECE;
    while (step()) {
      if (performance.now() < until) continue;
      timer = setTimeout(slice, BREATH);
      return;
    }
  };
  slice();
  return () => {
    clearTimeout(timer);
  };
}

/** Hands items on in order, at most `most` by weight (or one) at a time, once in a picture; `add` never hands on by itself. */
export function makeFeed<T>(hand: (items: T[]) => void, weight: (item: T) => number, most: number) {
  let waiting: T[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const next = () => {
    let sum = 0;
    const over = waiting.findIndex((item) => (sum += weight(item)) > most);
    const now = over < 0 ? waiting : waiting.slice(0, Math.max(1, over));
    waiting = waiting.slice(now.length);
    timer = waiting.length ? setTimeout(next, BREATH) : undefined;
    hand(now);
  };
  return {
    add: (items: readonly T[]) => {
      waiting.push(...items);
      timer ??= setTimeout(next, 0);
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}
