// What can be done with one saved environment: rename it, or forget it after asking.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { t } from "../../lib/language";

interface Props {
  name: string;
  /** Address of the page where everything else can be done with it. */
  more: string;
  /** Whether it was done. */
  rename: (name: string) => Promise<boolean>;
  forget: () => Promise<boolean>;
}

type Mode = "closed" | "open" | "rename" | "forget";

export function SavedMenu({ name, more, rename, forget }: Props) {
  const [mode, setMode] = useState<Mode>("closed");
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (mode !== "closed") box.current?.querySelector<HTMLElement>(".hk-menu-panel input, .hk-menu-panel button")?.focus();
  }, [mode]);
  const close = () => {
    setMode("closed");
    box.current?.querySelector("button")?.focus();
  };
  return (
    <div
      class="hk-menu"
      ref={box}
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
    >
      <Button
        weight="quiet"
        label={t("Manage {name}", { name })}
        expanded={mode !== "closed"}
        onClick={() => {
          if (mode === "closed") setMode("open");
          else close();
        }}
      >
        <span aria-hidden="true">•••</span>
      </Button>
      {mode !== "closed" && (
        <div class="hk-menu-panel">
          {mode === "open" && <Actions choose={setMode} more={more} />}
          {mode === "rename" && <Rename name={name} rename={rename} close={close} />}
          {mode === "forget" && <Forget name={name} forget={forget} close={close} />}
        </div>
      )}
    </div>
  );
}

function Actions({ choose, more }: { choose: (mode: Mode) => void; more: string }) {
  return (
    <div class="hk-buttons">
      {(["rename", "forget"] as const).map((mode) => (
        <Button
          key={mode}
          onClick={() => {
            choose(mode);
          }}
        >
          {mode === "rename" ? t("Rename") : t("Forget")}
        </Button>
      ))}
      <a class="hk-button hk-button-plain" href={more}>
        {t("Update, share, more")}
      </a>
    </div>
  );
}

function Rename({ name, rename, close }: Pick<Props, "name" | "rename"> & { close: () => void }) {
  const [text, setText] = useState(name);
  const save = () => {
    if (!text.trim()) return;
    void rename(text.trim()).then((done) => {
      if (done) close(); // else what was typed would be lost
    });
  };
  return (
    <>
      <label class="hk-label">
        {t("New name")}
        <input
          type="text"
          value={text}
          maxLength={100}
          onInput={(event) => {
            setText(event.currentTarget.value);
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            save();
          }}
        />
      </label>
      <div class="hk-buttons">
        <Button onClick={save}>{t("Save name")}</Button>
        <Button weight="quiet" onClick={close}>
          {t("Keep the old one")}
        </Button>
      </div>
    </>
  );
}

function Forget({ name, forget, close }: Pick<Props, "name" | "forget"> & { close: () => void }) {
  return (
    <>
      <p>{t("Forget “{name}”? It can be built again from its repository.", { name })}</p>
      <div class="hk-buttons">
        <Button
          onClick={() => {
            void forget();
          }}
        >
          {t("Forget it")}
        </Button>
        <Button weight="quiet" onClick={close}>
          {t("Keep it")}
        </Button>
      </div>
    </>
  );
}
