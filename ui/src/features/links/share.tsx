// Links to what is asked for, to be put into a README: the address, a badge in three notations, and a picture to scan.
import { Button } from "../../components/button";
import { useSaid } from "../../components/said";
import { t } from "../../lib/language";
import type { Page } from "../../lib/page";
import { copy } from "../../lib/save";
import { linkOf, NOTATIONS, type Shared } from "./notations";
import { QrCode } from "./qr-code";

/** Characters: proxies take 16 KB of address, cookies and the rest together, and a login writes the address once more, a quarter longer. */
const LONGEST = 11_000;

interface Props extends Shared {
  page: Page;
}

export function Share({ page, ...shared }: Props) {
  const [said, say] = useSaid();
  if (!shared.link) return null;
  const address = linkOf(page, shared, window.location.origin);
  return (
    <details class="hk-more hk-share">
      <summary>{t("Link and badge")}</summary>
      <p class="hk-hint">{t("Whoever follows the link logs in here, sees this form filled in, and presses the button.")}</p>
      {address.length > LONGEST && <p>{t("This link is longer than many proxies let through. Put the list into a repository, and share that.")}</p>}
      <ul>
        {NOTATIONS.map(({ name: notation, write }) => {
          const name = t(notation);
          const text = write(address, `${window.location.origin}${page.service}badge_logo.svg`);
          return (
            <li key={name}>
              <label>
                <span>{name}</span>
                <textarea
                  readOnly
                  rows={text.split("\n").length}
                  value={text}
                  onFocus={({ currentTarget }) => {
                    currentTarget.select();
                  }}
                />
              </label>
              <Button
                label={t("Copy {what}", { what: name })}
                onClick={() => {
                  void copy(text).then((done) => {
                    say(done ? t("{what} copied.", { what: name }) : t("The browser did not allow copying: select the text and copy it."));
                  });
                }}
              >
                {t("Copy")}
              </Button>
            </li>
          );
        })}
      </ul>
      <p role="status" class="hk-hint">
        {said}
      </p>
      <QrCode text={address} />
    </details>
  );
}
