// What the user can do on the page, beyond filling in the form.
import { startBuild } from "../features/build/api";
import { REPOSITORY } from "../features/choose/choice";
import { postedFields, type Made } from "../features/choose/fields";
import { openOf } from "../features/choose/offers";
import { requestOf } from "../features/choose/request";
import type { Build, Problem } from "../lib/api-types";
import { problemOf } from "../lib/failure";
import { nextOf } from "../lib/opening";
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
  const back = (to: "change" | "leave") => {
    visit.touch();
    tell({ type: "chosen-again", to });
    visit.arrivals.refresh();
  };
  const press = () => {
    if (flow.asking || flow.sending || flow.build || visit.finding) return;
    visit.touch();
    const [first] = Object.keys(complaints);
    visit.tellChoice({ type: "left", fields: Object.keys(complaints) });
    if (first) document.getElementById(`hk-field-${first}`)?.focus();
    else if (now.source === "repository") void build(visit, watch);
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
      else tell({ type: "refused", problem: NO_IMAGE });
    },
    leave: () => {
      back("leave");
    },
    change: () => {
      if (flow.build && !flow.asked) visit.tellChoice({ type: "found", spec: flow.build.spec });
      back("change");
    },
    cameBack: () => {
      tell({ type: "came-back" });
    },
  };
}

async function build({ tell, service, choice, recognition }: Visit, watch: Actions["watch"]): Promise<void> {
  tell({ type: "asked" });
  try {
    watch(await startBuild(service, requestOf(choice.repository, recognition.found)), true, true);
  } catch (error) {
    tell({ type: "refused", problem: problemOf(error) });
  }
}

const NO_IMAGE: Problem = { code: "no_image", message: "The build ended without an image.", hint: "Build it again." };
