// A list of packages in place of a repository: one a line, or what people have them in.
import { useState } from "preact/hooks";
import { LinesField } from "../../components/lines-field";
import type { Problem } from "../../lib/api-types";
import { t } from "../../lib/language";
import { PACKAGES, inlineOf, linesOf } from "../../lib/spec";

interface Props {
  /** Of the list, as the service takes it. */
  address: string;
  complaint: string | Problem | undefined;
  onAddress: (address: string) => void;
  onLeave: () => void;
}

export function PackageList({ address, complaint, onAddress, onLeave }: Props) {
  const [written, setWritten] = useState({ address, lines: linesOf(address) }); // lines stay as they are written
  return (
    <LinesField
      id="repository"
      label={t("Packages")}
      value={written.address === address ? written.lines : linesOf(address)}
      hint={t(PACKAGES)}
      complaint={complaint}
      onInput={(lines) => {
        const address = inlineOf(lines);
        setWritten({ address, lines });
        onAddress(address);
      }}
      onLeave={onLeave}
    />
  );
}
