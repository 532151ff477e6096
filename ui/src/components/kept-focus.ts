// The focus is never lost: when what had it goes away, the heading of what it stood in gets it.
import { useEffect } from "preact/hooks";

/** Milliseconds after which whoever wanted to move the focus itself has done so. */
const LATER = 60;

/** Watches over everything that is drawn by us, for as long as the page is shown. */
export function useKeptFocus(): void {
  useEffect(() => {
    const root = document.getElementById("hubkiln") ?? document.body;
    let path: Element[] = [];
    let waiting = 0;
    const seen = () => {
      path = pathOf(document.activeElement, root);
    };
    const look = () => {
      if (document.activeElement === document.body) headingNear(path)?.focus();
    };
    const changed = new MutationObserver(() => {
      if (!path.length || path[0]?.isConnected) return;
      window.clearTimeout(waiting);
      waiting = window.setTimeout(look, LATER);
    });
    root.addEventListener("focusin", seen);
    changed.observe(root, { childList: true, subtree: true });
    return () => {
      root.removeEventListener("focusin", seen);
      changed.disconnect();
      window.clearTimeout(waiting);
    };
  }, []);
}

/** `element` and what it stands in, the innermost first; `root` is the last. */
function pathOf(element: Element | null, root: Element): Element[] {
  const path: Element[] = [];
  for (let at = element; at; at = at === root ? null : at.parentElement) path.push(at);
  return path;
}

/** The first heading in the innermost of `path` that is still there and has one. */
function headingNear(path: readonly Element[]): HTMLElement | undefined {
  for (const one of path) {
    const heading = one.isConnected && one.querySelector<HTMLElement>("h1, h2, h3");
    if (!heading) continue;
    heading.tabIndex = -1;
    return heading;
  }
  return undefined;
}
