// The title of the browser's tab, for those who wait in another one.
import { useEffect } from "preact/hooks";

/** Puts `text` before the page's own title for as long as it is shown. */
export function useTitle(text: string): void {
  useEffect(() => {
    const own = document.title;
    document.title = own ? `${text} · ${own}` : text;
    return () => {
      document.title = own;
    };
  }, [text]);
}
