// What may be meant, below a text field: WAI-ARIA's combobox whose list is gone through with the arrow keys.
import { useEffect, useRef, useState } from "preact/hooks";
import { tn } from "../lib/language";

/** How many are drawn: whoever seeks among more types a few letters. */
const MOST = 50;

interface Suggesting {
  /** What the input is told. */
  input: {
    role?: "combobox";
    "aria-autocomplete"?: "list";
    "aria-expanded"?: boolean;
    "aria-controls"?: string | undefined;
    "aria-activedescendant"?: string | undefined;
    onKeyDown?: (event: KeyboardEvent) => void;
    onClick?: () => void;
  };
  /** Something was typed. */
  typed: () => void;
  close: () => void;
  list: preact.ComponentChild;
}

/** Suggests `names` for the field of this `id`, which holds `value`. */
export function useSuggestions(id: string, label: string, names: readonly string[], value: string, choose: (name: string) => void): Suggesting {
  const [open, setOpen] = useState<"" | "all" | "fitting">("");
  const [at, setAt] = useState(-1);
  const wanted = value.trim().toLowerCase();
  const shown = open ? names.filter((name) => open === "all" || name.toLowerCase().includes(wanted)).slice(0, MOST) : [];
  const close = () => {
    setOpen("");
    setAt(-1);
  };
  const take = (name: string) => {
    choose(name);
    close();
  };
  const step = (by: 1 | -1) => {
    if (shown.length) setAt(at < 0 && by < 0 ? shown.length - 1 : (at + by + shown.length) % shown.length);
    else {
      const all = names.slice(0, MOST);
      setOpen("all");
      setAt(by > 0 ? Math.max(0, all.indexOf(value.trim())) : all.length - 1);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const named = shown[at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter" && named !== undefined) take(named); // and does not send the form
    else if (event.key === "Escape" && shown.length) close();
    else return;
    event.preventDefault();
  };
  const typed = () => {
    setOpen("fitting"); // also for what is not known yet
    setAt(-1);
  };
  if (!names.length) return { input: {}, typed, close, list: null };
  return {
    input: {
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": shown.length > 0,
      "aria-controls": shown.length ? `${id}-list` : undefined,
      "aria-activedescendant": shown[at] === undefined ? undefined : `${id}-${String(at)}`,
      onKeyDown,
      onClick: () => {
        if (!open) setOpen("all");
      },
    },
    typed,
    close,
    list: (
      <>
        <span role="status" class="hk-unseen">
          {open && tn(shown.length, "{n} suggestion", "{n} suggestions")}
        </span>
        {shown.length > 0 && <List {...{ id, label, shown, at, take }} />}
      </>
    ),
  };
}

function List({ id, label, shown, at, take }: { id: string; label: string; shown: readonly string[]; at: number; take: (name: string) => void }) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const box = list.current;
    const named = box?.children[at];
    if (!box || !(named instanceof HTMLElement)) return; // only the list is scrolled, not the page
    const below = named.offsetTop + named.offsetHeight - box.clientHeight;
    box.scrollTop = Math.min(Math.max(box.scrollTop, below), named.offsetTop);
  }, [at]);
  return (
    <ul class="hk-suggestions" role="listbox" id={`${id}-list`} aria-label={label} ref={list}>
      {shown.map((name, index) => (
        <li
          key={name}
          id={`${id}-${String(index)}`}
          role="option"
          aria-selected={index === at}
          onMouseDown={(event) => {
            event.preventDefault(); // the field keeps the focus
            take(name);
          }}
        >
          {name}
        </li>
      ))}
    </ul>
  );
}
