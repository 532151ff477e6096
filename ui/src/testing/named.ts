// Whether those who speak to the page can call each control by what stands on it.

/** Words as they are spoken: signs are not. */
const spoken = (text: string): string => ` ${text.toLowerCase().match(/[\p{L}\p{N}]+/gu)?.join(" ") ?? ""} `;

/** Whether a control called `name` can be called by the `words` on it. */
export const isNamed = (name: string, words: string): boolean => spoken(words).trim() === "" || spoken(name).includes(spoken(words));

/** The controls that are called something else than what is seen on them. */
export function misnamed(root: ParentNode): string[] {
  const controls = root.querySelectorAll(":is(a, button, input, select, textarea, summary)[aria-label]");
  return [...controls].flatMap((control) => {
    const name = control.getAttribute("aria-label") ?? "";
    const words = seenOn(control);
    return isNamed(name, words) ? [] : [`“${name}” lacks “${words}”`];
  });
}

function seenOn(control: Element): string {
  if (control instanceof HTMLInputElement) return control.placeholder || (control.closest("label")?.querySelector(".hk-card-title")?.textContent ?? "");
  if (!(control instanceof HTMLElement) || control instanceof HTMLSelectElement) return "";
  const copy = control.cloneNode(true) as Element;
  copy.querySelectorAll("[aria-hidden=true], .hk-unseen").forEach((one) => { one.remove(); });
  return copy.textContent.trim();
}
