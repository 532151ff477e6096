// Opens the page in a form as the hub's, on a fake hub, for tests that use it as a person does.
import { render, screen } from "@testing-library/preact";
import { App } from "../app/app";
import type { Page } from "../lib/page";
import { FakeHub } from "./fake-hub";
import { page } from "./samples";

export interface Opened {
  hub: FakeHub;
  form: HTMLFormElement;
  /** Fields posted to the hub, or null as long as nothing was. */
  posted: () => Record<string, string> | null;
  /** Where the page led in the end. */
  went: readonly string[];
  /** As a reload of the tab: all is forgotten but what is in its storage. */
  reload: () => Opened;
}

export function openPage(change: Partial<Page> = {}, hub = new FakeHub()): Opened {
  const around = document.createElement("div");
  const form = document.createElement("form");
  const root = document.createElement("div");
  const stock = document.createElement("button");
  stock.textContent = "The hub's own";
  form.append(root, stock);
  around.append(form);
  document.body.append(around);
  hub.posted = null;
  const went: string[] = [];
  const ports = {
    fetch: hub.fetch,
    now: () => Date.now(),
    go: (address: string) => {
      went.push(address);
    },
    wait: () => new Promise<void>((resolve) => setTimeout(resolve, 5)),
  };
  const { unmount } = render(<App page={{ ...page, ...change }} ports={ports} root={root} />, { container: root });
  return {
    hub,
    form,
    posted: () => hub.posted,
    went,
    reload: () => {
      unmount();
      around.remove();
      return openPage(change, hub);
    },
  };
}

/** The one button. */
export const theButton = (): HTMLElement => screen.getByRole("button", { name: /^(Start|Build and start)$/ });
