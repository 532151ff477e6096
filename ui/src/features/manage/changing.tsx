// Other packages or another repository for an environment: as its next version, or as a copy that is changed.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { SelectField } from "../../components/select-field";
import { LinesField } from "../../components/lines-field";
import { TextField } from "../../components/text-field";
import type { Build, EnvironmentDetails, Spec } from "../../lib/api-types";
import { t } from "../../lib/language";
import type { Service } from "../../lib/service";
import { PACKAGES, addressOf, inlineOf, linesOf, refOf } from "../../lib/spec";
import { copied, order, type Other } from "./api";
import { useTask } from "./use-task";

interface Props {
  service: Service;
  one: EnvironmentDetails;
  /** Shows a build in place of all this. */
  watch: (build: Build) => void;
}

/** The next version of one's own environment. */
export function Changing({ service, one, watch }: Props) {
  const inline = one.spec.provider === "inline";
  return (
    <Form
      key={keyOf(one.spec)}
      id="change"
      summary={inline ? t("Edit its packages") : t("Change its branch or repository")}
      hint={t("What is built becomes the current version. The one before stays below, with the way back.")}
      button={t("Build the new version")}
      spec={one.spec}
      build={async (other) => {
        watch(await order(service, one.id, { what: "change", ...other }));
      }}
    />
  );
}

/** An environment of one's own, beginning as this one is. */
export function Duplicating({ service, one, watch }: Props) {
  return (
    <Form
      key={keyOf(one.spec)}
      id="copy"
      summary={t("Duplicate with changes")}
      hint={t("The copy is yours alone, and this environment stays as it is.")}
      button={t("Build the copy")}
      spec={one.spec}
      build={async (other) => {
        const copy = await copied(service, one.id);
        window.location.hash = copy.id;
        watch(await order(service, copy.id, { what: "change", ...other }));
      }}
    />
  );
}

/** Begins a form anew when what the environment is made of has changed, as by going back to an earlier version. */
const keyOf = (spec: Spec): string => JSON.stringify([spec.provider, spec.repository, spec.ref, spec.subdir, spec.packages]);

interface FormProps {
  id: string;
  summary: string;
  hint: string;
  button: string;
  spec: Spec;
  build: (other: Other) => Promise<void>;
}

function Form({ id, summary, hint, button, spec, build }: FormProps) {
  const [kind, setKind] = useState(spec.provider === "inline" ? "packages" : "repository");
  const [lines, setLines] = useState(spec.provider === "inline" ? linesOf(addressOf(spec)) : "");
  const [place, setPlace] = useState({ address: spec.provider === "inline" ? "" : addressOf(spec), ref: refOf(spec), subdir: spec.subdir });
  const task = useTask();
  const other = kind === "packages" ? { spec: inlineOf(lines) } : { spec: place.address.trim(), ref: place.ref.trim(), subdir: place.subdir.trim() };
  const empty = kind === "packages" ? !lines.trim() : !other.spec;
  return (
    <details class="hk-more">
      <summary>{summary}</summary>
      <SelectField id={`${id}-kind`} label={t("Made of")} value={kind} options={[["packages", t("a list of packages")], ["repository", t("a repository")]]} onChange={setKind} />
      {kind === "packages" ? (
        <LinesField id={`${id}-packages`} label={t("Packages")} value={lines} onInput={setLines} hint={t(PACKAGES)} />
      ) : (
        <>
          <TextField id={`${id}-address`} label={t("Repository")} value={place.address} onInput={(address) => { setPlace({ ...place, address }); }} />
          <div class="hk-row">
            <TextField id={`${id}-ref`} label={t("Branch, tag or commit")} optional value={place.ref} onInput={(ref) => { setPlace({ ...place, ref }); }} />
            <TextField id={`${id}-subdir`} label={t("Folder")} optional value={place.subdir} onInput={(subdir) => { setPlace({ ...place, subdir }); }} />
          </div>
        </>
      )}
      <p class="hk-hint">{hint}</p>
      {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      <Button disabled={task.busy || empty} onClick={() => { task.run(() => build(other)); }}>
        {button}
      </Button>
    </details>
  );
}
