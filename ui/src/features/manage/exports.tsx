// An environment in other tools' words, to be copied or kept as a file.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { SelectField } from "../../components/select-field";
import { useSaid } from "../../components/said";
import type { EnvironmentDetails } from "../../lib/api-types";
import { t, word } from "../../lib/language";
import { copy, download } from "../../lib/save";
import type { Service } from "../../lib/service";
import { exported } from "./api";
import { useTask } from "./use-task";

const KINDS: Record<string, { title: string; file: string }> = {
  lock: { title: word("Lock (pylock.toml)"), file: "pylock.toml" },
  dockerfile: { title: word("Dockerfile"), file: "Dockerfile" },
  podman: { title: word("Command for Podman or Docker"), file: "run.sh" },
  apptainer: { title: word("Commands for Apptainer"), file: "apptainer.sh" },
  sbom: { title: word("Bill of materials (CycloneDX)"), file: "sbom.cdx.json" },
};

export function Exports({ service, one }: { service: Service; one: EnvironmentDetails }) {
  const [kind, setKind] = useState("lock");
  const [text, setText] = useState("");
  const [said, say] = useSaid();
  const task = useTask();
  const show = () => {
    setText("");
    say("");
    task.run(async () => {
      setText(await exported(service, one.id, kind));
    });
  };
  return (
    <details class="hk-more">
      <summary>{t("Take it elsewhere")}</summary>
      <SelectField
        id="export"
        label={t("As")}
        value={kind}
        options={one.exports.map((name) => [name, t(KINDS[name]?.title ?? name)] as const)}
        onChange={(chosen) => {
          setKind(chosen);
          setText("");
        }}
      />
      <div class="hk-buttons">
        <Button disabled={task.busy} onClick={show}>
          {t("Show")}
        </Button>
        {text && (
          <>
            <Button onClick={() => { void copy(text).then((done) => { say(done ? t("Copied.") : t("The browser did not allow copying.")); }); }}>{t("Copy")}</Button>
            <Button onClick={() => { download(new Blob([text]), KINDS[kind]?.file ?? kind); }}>{t("Download")}</Button>
          </>
        )}
        <span role="status">{said}</span>
      </div>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      {text && (
        <pre class="hk-export" tabIndex={0} aria-label={t(KINDS[kind]?.title ?? kind)}>
          {text}
        </pre>
      )}
    </details>
  );
}
