// A repository to build from: its address, and what few people need folded away.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "../../components/button";
import { TextField } from "../../components/text-field";
import type { Forecast, Recognised, Spec } from "../../lib/api-types";
import { t } from "../../lib/language";
import { asTyped, isAddress } from "../../lib/opening";
import type { Service } from "../../lib/service";
import { inlineOf, isList, isPackage, lean, refOf } from "../../lib/spec";
import { ForecastLine } from "./forecast-line";
import { More } from "./more";
import { PackageList } from "./package-list";
import type { Offer } from "./offers";
import type { Recognition } from "./use-recognised";
import { useRefs } from "./use-refs";
import { REPOSITORY, type Choice, type ChoiceEvent, type Repository } from "./choice";
import type { Complaints } from "./complaints";

interface Props {
  choice: Choice;
  complaints: Complaints;
  tell: (event: ChoiceEvent) => void;
}

interface FieldsProps extends Props {
  service: Service;
  recognition: Recognition;
  forecast: Forecast | null;
  offers: readonly Offer[];
  /** Links to what is asked for. */
  share: ComponentChildren;
}

export function RepositoryFields({ service, choice, complaints, tell, recognition, forecast, offers, share }: FieldsProps) {
  const { repository } = choice;
  const change = (change: Partial<Repository>) => {
    tell({ type: "repository", change });
  };
  const leave = () => {
    if (repository.address) tell({ type: "left", fields: ["repository"] });
  };
  const listed = isList(repository.address);
  const complaint = complaints["repository"];
  const swap = useSwap(repository.address, listed, change);
  return (
    <>
      <div class="hk-swapped">
        {listed ? (
          <PackageList {...{ address: repository.address, complaint }} onAddress={(address) => { change({ address }); }} onLeave={leave} />
        ) : (
          <AddressField {...{ repository, complaint, tell, leave, settle: recognition.settle }} />
        )}
        <p class="hk-swap">
          <Button weight="quiet" onClick={swap}>
            {listed ? t("A repository instead") : t("A list of packages instead")}
          </Button>
        </p>
      </div>
      <Understood found={recognition.found} typed={offers.some(({ source, barred }) => source === "typed" && !barred)} tell={tell} />
      {complaint && !listed && recognition.problem && isPackage(repository.address) && (
        <div class="hk-understood">
          <Button onClick={swap}>{t("Use it as a package")}</Button>
        </div>
      )}
      <ForecastLine forecast={forecast} />
      <div class="hk-row">
        {!listed && <RefField {...{ service, found: recognition.found, repository, change }} />}
        <OpenField of={REPOSITORY} choice={choice} complaints={complaints} tell={tell} />
      </div>
      <details class="hk-more">
        <summary>{t("More")}</summary>
        <More {...{ repository, change, complaints, listed }} />
      </details>
      {share}
    </>
  );
}

/** Goes to and fro between an address and a list of packages; each is found again. */
function useSwap(address: string, listed: boolean, change: (change: Partial<Repository>) => void): () => void {
  const last = useRef({ address: "", list: "inline/" });
  const before = useRef(listed);
  const pressed = useRef(false);
  useLayoutEffect(() => {
    if (before.current === listed) return;
    before.current = listed;
    // The field that had the focus may have gone.
    if (document.activeElement === document.body || pressed.current) document.getElementById("hk-field-repository")?.focus();
    pressed.current = false;
  }, [listed]);
  return () => {
    pressed.current = true;
    const word = !listed && last.current.list === "inline/" && isPackage(address);
    last.current = listed ? { ...last.current, list: address } : { address: word ? "" : address, list: word ? inlineOf(address) : last.current.list };
    change({ address: last.current[listed ? "address" : "list"], ...(listed ? {} : { ref: "", subdir: "" }) });
  };
}

interface AddressProps {
  repository: Repository;
  complaint: Complaints[string] | undefined;
  tell: Props["tell"];
  leave: () => void;
  settle: () => void;
}

function AddressField({ repository, complaint, tell, leave, settle }: AddressProps) {
  const pasted = useRef("");
  const write = (address: string) => {
    // What stood beside the address before belongs to that one.
    const other = repository.address.trim() !== "" && ["", pasted.current].includes(address.trim());
    tell({ type: "repository", change: { address, ...(other ? { ref: "", subdir: "" } : {}) } });
    if (other) tell({ type: "open", of: REPOSITORY, path: "" });
  };
  return (
    <TextField
      id="repository"
      label={t("Repository")}
      value={repository.address}
      placeholder="https://example.org/team/analysis.git"
      hint={t("Paste anything: a git address, a page of a repository or a notebook, organisation/name on GitHub, a DOI, a launch link, names of packages. Packages behind a plus are added: organisation/name + numpy.")}
      complaint={complaint}
      onInput={write}
      onLeave={() => {
        leave();
        settle();
      }}
      onPaste={(text) => {
        pasted.current = text.trim();
        settle();
      }}
      onLines={(text) => {
        write(lean(text));
      }}
    />
  );
}

interface RefProps {
  service: Service;
  found: Recognised | null;
  repository: Repository;
  change: (change: Partial<Repository>) => void;
}

function RefField({ service, found, repository, change }: RefProps) {
  const refs = useRefs(service, found, repository.ref);
  return (
    <TextField
      id="ref"
      label={t("Branch, tag or commit")}
      optional
      value={repository.ref}
      placeholder={refs.fallback || t("default branch")}
      suggestions={refs.names}
      hint={refs.silent ? t("The repository's host does not answer, so nothing is suggested here.") : undefined}
      onFocus={refs.want}
      onInput={(ref) => {
        change({ ref });
      }}
    />
  );
}

/** What the address means, in a line; an image's name is one press away from where images are asked for. */
function Understood({ found, typed, tell }: { found: Recognised | null; typed: boolean; tell: Props["tell"] }) {
  return (
    <div class="hk-understood">
      <p role="status">{found?.spec ? wordsOf(found, found.spec) : ""}</p>
      {found?.kind === "image" && typed && (
        <Button
          onClick={() => {
            tell({ type: "typed", text: found.value });
            tell({ type: "source", source: "typed" });
          }}
        >
          {t("Use it as an image")}
        </Button>
      )}
    </div>
  );
}

function wordsOf({ kind, title, source, opens }: Recognised, spec: Spec): string {
  if (kind === "packages") return t("An environment with these packages: {packages}", { packages: title });
  const parts = [t("{source}: {title}", { source, title }), refOf(spec) && t("at {ref}", { ref: refOf(spec) }), asTyped(opens) && t("opens {path}", { path: asTyped(opens) })];
  return parts.filter(Boolean).join(" · ");
}

/** The path to open once the server is up, in the environment `of`. */
export function OpenField({ of, choice, complaints, tell }: Props & { of: string }) {
  const path = choice.opens[of] ?? "";
  return (
    <TextField
      id="open"
      label={t("Path to open")}
      optional
      value={path}
      complaint={complaints["open"]}
      placeholder="notebooks/first.ipynb"
      hint={isAddress(path) ? t("It begins with a slash, so it is an address of the server.") : undefined}
      onInput={(path) => {
        tell({ type: "open", of, path });
      }}
      onLeave={() => {
        if (path) tell({ type: "left", fields: ["open"] });
      }}
    />
  );
}
