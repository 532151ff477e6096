// A list of packages in place of a repository: one a line, or what people have them in.
import { useState } from "preact/hooks";
import { LinesField } from "../../components/lines-field";
import type { Problem } from "../../lib/api-types";
import { t } from "../../lib/language";
import { PACKAGES, inlineOf, linesOf, namesFiles } from "../../lib/spec";

interface Props {
  /** Of the list, as the service takes it. */
  address: string;
  complaint: string | Problem | undefined;
  onAddress: (address: string) => void;
  onLeave: () => void;
}

export function PackageList({ address, complaint, onAddress, onLeave }: Props) {
  const [written, setWritten] = useState({ address, lines: linesOf(address) }); // lines stay as they are written
  const lines = written.address === address ? written.lines : linesOf(address);
  return (
    <>
      <LinesField
        id="repository"
        label={t("Packages")}
        value={lines}
        hint={t(PACKAGES)}
        complaint={complaint}
        onInput={(lines) => {
          const address = inlineOf(lines);
          setWritten({ address, lines });
          onAddress(address);
        }}
        onLeave={onLeave}
      />
      <p class="hk-hint" role="status">
        {namesFiles(lines) && t("Lines such as -e . or -r more.txt name files, which a list has none of: they are left out.")}
      </p>
    </>
  );
}
