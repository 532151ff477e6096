import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openPage } from "../testing/open-page";
import { begin } from "../testing/steps";

const shown: string[] = [];
let answer = "granted";

/** The browser's notifications, as far as the page uses them. */
const FakeNotification = Object.assign(
  function (title: string) {
    shown.push(title);
  },
  { permission: "default", requestPermission: () => Promise.resolve(answer) },
);

const hide = (hidden: boolean) => Object.defineProperty(document, "hidden", { value: hidden, configurable: true });

beforeEach(() => {
  shown.length = 0;
  answer = "granted";
  Object.assign(window, { Notification: FakeNotification });
});
afterEach(() => {
  hide(false);
  Reflect.deleteProperty(window, "Notification");
});

describe("the end of a build", () => {
  test("is told to whoever asked and looks elsewhere", async () => {
    const build = await begin(openPage());
    fireEvent.click(screen.getByRole("button", { name: "Notify me when it ends" }));
    await screen.findByText("You will be told when it ends.");
    hide(true);
    build.ready();
    await waitFor(() => {
      expect(shown).toEqual(["lab/waves"]);
    });
  });

  test("is not told to whoever looks at the page, or did not ask", async () => {
    const opened = openPage();
    const build = await begin(opened);
    hide(true);
    build.ready();
    await waitFor(() => {
      expect(opened.posted()).not.toBeNull();
    });
    expect(shown).toEqual([]);
  });

  test("cannot be told where the browser says no", async () => {
    answer = "denied";
    await begin(openPage());
    fireEvent.click(screen.getByRole("button", { name: "Notify me when it ends" }));
    await screen.findByText("Your browser shows no notifications of this page.");
  });
});
