// The hub's own form around the page: whatever would send it presses our button instead.
import { useEffect, useRef } from "preact/hooks";

/** Ties the page to the form around `root`; `cameBack` is told when the browser shows the page again from memory. */
export function useHubForm(root: Element, press: () => void, cameBack: () => void): void {
  const latest = useRef(press);
  latest.current = press;
  const form = root.closest("form");

  useEffect(() => {
    if (!form) return undefined;
    const onSubmit = (event: Event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      latest.current();
    };
    const onShow = (event: PageTransitionEvent) => {
      if (event.persisted) cameBack();
    };
    form.noValidate = true;
    form.classList.add("hk-mounted");
    beMain(form);
    form.addEventListener("submit", onSubmit, { capture: true });
    window.addEventListener("pageshow", onShow);
    return () => {
      form.removeEventListener("submit", onSubmit, { capture: true });
      window.removeEventListener("pageshow", onShow);
    };
  }, [form]);
}

/** JupyterHub's page has no main landmark, which screen readers jump to: what the form stands in becomes it. */
function beMain(form: Element): void {
  if (!document.querySelector("main, [role=main]")) form.closest("body > div")?.setAttribute("role", "main");
}
