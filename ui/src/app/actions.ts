// What the user can do on the page, beyond filling in the form.
import { startBuild } from "../features/build/api";
import type { Fix } from "../features/build/fixes";
import { REPOSITORY, filledIn } from "../features/choose/choice";
import { postedFields, type Made } from "../features/choose/fields";
import { keptOf } from "../features/choose/kept-resources";
import { openOf } from "../features/choose/offers";
import { requestOf } from "../features/choose/request";
import type { Build, BuildRequest, Problem } from "../lib/api-types";
import { problemOf } from "../lib/failure";
import { t } from "../lib/language";
import { nextOf } from "../lib/opening";
import { addressOf } from "../lib/spec";
import type { Visit } from "./use-visit";

export interface Actions {
  /** The one button: build and start, or start, or show what is missing. */
  press: () => void;
  /** Starts the server in what `build` made. */
  startWith: (build: Build) => void;
  /** Shows a build; `asked` if this page's form asked for it. */
  watch: (build: Build, asked: boolean, startsItself: boolean) => void;
  /** Back to the form, to change what was asked for. */
  change: () => void;
  /** Puts right what made the build shown fail: builds again, or leads to the field to correct. */
  fix: (fix: Fix) => void;
  /** Back to the form as it is. */
  leave: () => void;
  cameBack: () => void;
}

export function actionsOf(visit: Visit): Actions {
  const { choice, flow, now, tell, complaints } = visit;
  const send = (made: Made | null) => {
    const open = made ? made.open : now.picked?.kind === "saved" && now.source === "listed" ? openOf(choice, now) : "";
    visit.service.login
      .check() // the hub would answer with a bare 403, and the form would be gone
      .then(() => {
        tell({ type: "sent", fields: postedFields(choice, now, made), next: nextOf(visit.page, open) });
      })
      .catch((error: unknown) => {
        tell({ type: "refused", problem: problemOf(error) });
      });
  };
  const watch = (build: Build, asked: boolean, startsItself: boolean) => {
    visit.touch();
    tell({ type: "watching", build, asked, startsItself });
  };
  const back = (to: "change" | "leave", field = "", fix?: Fix) => {
    visit.touch();
    if (to === "change") fixed(visit, fix);
    tell({ type: "chosen-again", to, field });
    visit.arrivals.refresh();
  };
  const press = () => {
    if (flow.asking || flow.sending || flow.build || visit.finding) return;
    visit.touch();
    const [first] = Object.keys(complaints);
    visit.tellChoice({ type: "left", fields: Object.keys(complaints) });
    if (first) document.getElementById(`hk-field-${first}`)?.focus();
    else if (now.source === "repository") void buildWritten(visit, watch);
    else {
      tell({ type: "asked" });
      send(null);
    }
  };
  return {
    press,
    watch,
    startWith: ({ image, spec }) => {
      const open = flow.asked ? (choice.opens[REPOSITORY] ?? "") : "";
      if (image) send({ image, spec, open });
      else tell({ type: "refused", problem: noImage() });
    },
    leave: () => {
      back("leave");
    },
    change: () => {
      back("change", "repository");
    },
    fix: (fix) => {
      if (fix.field) back("change", fix.field, fix);
      else void build(visit, fixed(visit, fix), watch);
    },
    cameBack: () => {
      tell({ type: "came-back" });
    },
  };
}

/** Writes what the build shown was asked with into the form, put right by `fix`; returns what that asks for. */
function fixed({ flow, choice, tellChoice }: Visit, fix?: Fix): BuildRequest {
  if (!flow.build) return requestOf(choice.repository);
  const { spec } = flow.build;
  if (!flow.asked) tellChoice({ type: "found", spec });
  if (fix) tellChoice({ type: "repository", change: fix.edit });
  return requestOf({ ...(flow.asked ? choice.repository : filledIn(spec)), address: addressOf(spec), ...fix?.edit });
}

/** What the fields ask for; a path that the address names is opened although its field may not have been left. */
function buildWritten(visit: Visit, watch: Actions["watch"]): Promise<void> {
  const { found } = visit.recognition;
  if (found) visit.tellChoice({ type: "understood", found });
  return build(visit, requestOf(visit.choice.repository, found), watch);
}

async function build({ tell, service, page, choice }: Visit, request: BuildRequest, watch: Actions["watch"]): Promise<void> {
  tell({ type: "asked" });
  try {
    watch(await startBuild(service, request, keptOf(page, choice)), true, true);
  } catch (error) {
    tell({ type: "refused", problem: problemOf(error) });
  }
}

const noImage = (): Problem => ({ code: "no_image", message: t("The build ended without an image."), hint: t("Build it again."), own: true });
