// Links to what is asked for, to be put into a README: the address, a badge in three notations, and a picture to scan.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import type { Page } from "../../lib/page";
import { copy } from "../../lib/save";
import { linkOf, NOTATIONS, type Shared } from "./notations";
import { QrCode } from "./qr-code";

interface Props extends Shared {
  page: Page;
}

export function Share({ page, ...shared }: Props) {
  const [said, say] = useState("");
  if (!shared.link) return null;
  const address = linkOf(page, shared, window.location.origin);
  return (
    <details class="hk-more hk-share">
      <summary>Link and badge</summary>
      <p class="hk-hint">Whoever follows the link logs in here, sees this form filled in, and presses the button.</p>
      <ul>
        {NOTATIONS.map(({ name, write }) => {
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
                label={`Copy ${name}`}
                onClick={() => {
                  void copy(text).then((done) => {
                    say(done ? `${name} copied.` : "The browser did not allow copying: select the text and copy it.");
                  });
                }}
              >
                Copy
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
