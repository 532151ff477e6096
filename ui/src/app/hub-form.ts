// The hub's own form around the page: our button sends it, with our fields and no others.
import { useEffect, useRef } from "preact/hooks";
import type { Login } from "../lib/login";
import type { Field } from "../features/choose/fields";

/**
 * Ties the page to the form around `root`.
 *
 * The form is sent when `sending` is set (its fields are drawn as hidden inputs by then), and the hub told to lead to
 * `next` after the start, if that is given; every other way to send it,
 * such as Enter in a text field, calls `press`. `cameBack` is told when the browser shows the page again from memory.
 */
export function useHubForm(root: Element, login: Login, sending: readonly Field[] | null, next: string, press: () => void, cameBack: () => void): void {
  const latest = useRef({ sending, press });
  latest.current = { sending, press };
  const form = root.closest("form");

  useEffect(() => {
    if (!form) return undefined;
    const onSubmit = (event: Event) => {
      if (latest.current.sending) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      latest.current.press();
    };
    const onShow = (event: PageTransitionEvent) => {
      if (event.persisted) cameBack();
    };
    form.noValidate = true;
    form.classList.add("hk-mounted");
    form.addEventListener("submit", onSubmit, { capture: true });
    window.addEventListener("pageshow", onShow);
    return () => {
      form.removeEventListener("submit", onSubmit, { capture: true });
      window.removeEventListener("pageshow", onShow);
    };
  }, [form]);

  useEffect(() => {
    if (!sending || !form) return;
    const [path = "", query = ""] = (form.getAttribute("action") ?? "").split("?");
    const asked = new URLSearchParams(query);
    // Another login since the page was made has another token.
    if (asked.has("_xsrf")) asked.set("_xsrf", login.xsrf());
    if (next) asked.set("next", next);
    form.setAttribute("action", query || next ? `${path}?${asked.toString()}` : path);
    form.requestSubmit();
  }, [sending]);
}
