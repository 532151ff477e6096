// Other packages or another repository for an environment: as its next version, or as a copy that is changed.
import { useState } from "preact/hooks";
import { ProblemNotice } from "../../components/notice";
import { SelectField } from "../../components/select-field";
import { Entry } from "../../components/entry";
import { LinesField } from "../../components/lines-field";
import { TextField } from "../../components/text-field";
import type { Build, EnvironmentDetails, Spec } from "../../lib/api-types";
import { t } from "../../lib/language";
import type { Service } from "../../lib/service";
import { PACKAGES, addressOf, inlineOf, linesOf, refOf } from "../../lib/spec";
import { copied, order, type Other } from "./api";
import { draftFor, keepDraft, type Draft } from "./drafts";
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
      of={one.id}
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
      of={one.id}
      summary={t("Duplicate with changes")}
      hint={t("The copy is yours alone, and this environment stays as it is.")}
      button={t("Build the copy")}
      spec={one.spec}
      build={async (other, draft) => {
        const copy = await copied(service, one.id);
        keepDraft(copy.id, "change", keyOf(copy.spec), draft); // it is the copy's from now on
        keepDraft(one.id, "copy", "", null);
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
  /** Id of the environment. */
  of: string;
  summary: string;
  hint: string;
  button: string;
  spec: Spec;
  build: (other: Other, draft: Draft) => Promise<void>;
}

function Form({ id, of, summary, hint, button, spec, build }: FormProps) {
  const [kept] = useState(() => draftFor(of, id, keyOf(spec)));
  const [draft, setDraft] = useState(kept ?? asItIs(spec));
  const task = useTask();
  const change = (part: Partial<Draft>) => {
    const next = { ...draft, ...part };
    setDraft(next);
    keepDraft(of, id, keyOf(spec), next);
  };
  const { kind, lines, address, ref, subdir } = draft;
  const other = kind === "packages" ? { spec: inlineOf(lines) } : { spec: address.trim(), ref: ref.trim(), subdir: subdir.trim() };
  const empty = kind === "packages" ? !lines.trim() : !other.spec;
  return (
    <details class="hk-more" open={kept !== null}>
      <summary>{summary}</summary>
      <Entry button={button} ready={!task.busy && !empty} act={() => { task.run(() => build(other, draft)); }}>
        <SelectField id={`${id}-kind`} label={t("Made of")} value={kind} options={[["packages", t("a list of packages")], ["repository", t("a repository")]]} onChange={(kind) => { change({ kind }); }} />
        {kind === "packages" ? (
          <LinesField id={`${id}-packages`} label={t("Packages")} value={lines} onInput={(lines) => { change({ lines }); }} hint={t(PACKAGES)} />
        ) : (
          <>
            <TextField id={`${id}-address`} label={t("Repository")} value={address} onInput={(address) => { change({ address }); }} />
            <div class="hk-row">
              <TextField id={`${id}-ref`} label={t("Branch, tag or commit")} optional value={ref} onInput={(ref) => { change({ ref }); }} />
              <TextField id={`${id}-subdir`} label={t("Folder")} optional value={subdir} onInput={(subdir) => { change({ subdir }); }} />
            </div>
          </>
        )}
        <p class="hk-hint">{hint}</p>
        {task.problem && <ProblemNotice problem={task.problem} takesFocus />}
      </Entry>
    </details>
  );
}

/** The fields as the environment is made. */
const asItIs = (spec: Spec): Draft =>
  spec.provider === "inline"
    ? { kind: "packages", lines: linesOf(addressOf(spec)), address: "", ref: refOf(spec), subdir: spec.subdir }
    : { kind: "repository", lines: "", address: addressOf(spec), ref: refOf(spec), subdir: spec.subdir };
