// A picture of an address for telephones; what draws it is loaded when it is wanted.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../lib/language";

/** Bytes that the largest QR code holds, with some to spare. */
const MOST = 2900;

export function QrCode({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  const [failed, setFailed] = useState(false);
  const place = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!open || text.length > MOST) return;
    import("lean-qr")
      .then(({ generate }) => {
        if (place.current) generate(text).toCanvas(place.current, { on: [0, 0, 0, 255], off: [255, 255, 255, 255] });
      })
      .catch(() => {
        setFailed(true);
      });
  }, [open, text]);
  return (
    <details
      class="hk-more"
      onToggle={({ currentTarget }) => {
        setOpen(currentTarget.open);
      }}
    >
      <summary>{t("QR code")}</summary>
      {failed || text.length > MOST ? <p>{failed ? t("It could not be drawn.") : t("The link is too long for a QR code.")}</p> : <canvas ref={place} class="hk-qr" role="img" aria-label={t("QR code of the link")} />}
    </details>
  );
}
