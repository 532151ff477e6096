import { fireEvent, screen, within } from "@testing-library/preact";
import { expect, test } from "vitest";
import { draftFor, keepDraft } from "../features/manage/drafts";
import { FakeHub } from "../testing/fake-hub";
import { goTo, openEnvironments } from "../testing/open-environments";
import { openPage } from "../testing/open-page";

test("an environment whose new version comes to nothing has what was typed for it still, in a copy too", async () => {
  const hub = new FakeHub();
  openEnvironments(hub);
  await goTo("Wave tank");
  const form = (summary: string) => within(screen.getByText(summary).closest("details") as HTMLElement);
  const branch = (summary: string) => form(summary).getByLabelText<HTMLInputElement>(/^Branch, tag or commit/);
  fireEvent.input(branch("Change its branch or repository"), { target: { value: "fail" } });
  fireEvent.click(form("Change its branch or repository").getByRole("button"));
  const comesToNothing = async () => {
    fireEvent.click(await screen.findByRole("button", { name: "Cancel build" }));
    fireEvent.click(await screen.findByRole("button", { name: "Back to the environment" }));
  };
  await comesToNothing();
  await screen.findByText("Change its branch or repository");
  expect(branch("Change its branch or repository").value).toBe("fail");
  expect(screen.getByText("Change its branch or repository").closest("details")?.open).toBe(true);
  fireEvent.input(branch("Duplicate with changes"), { target: { value: "other" } });
  fireEvent.click(form("Duplicate with changes").getByRole("button"));
  await comesToNothing();
  await screen.findByRole("heading", { name: "Wave tank (copy)" });
  expect(branch("Change its branch or repository").value).toBe("other");
  expect(branch("Duplicate with changes").value).not.toBe("other");
});

test("an environment whose new name could not be saved has it still in the field", async () => {
  const { hub } = openPage();
  fireEvent.click(await screen.findByRole("button", { name: "Manage Wave tank" }));
  fireEvent.click(screen.getByRole("button", { name: "Rename" }));
  fireEvent.input(screen.getByRole("textbox", { name: "New name" }), { target: { value: "Flume" } });
  hub.down = true;
  fireEvent.click(screen.getByRole("button", { name: "Save name" }));
  await screen.findByRole("alert");
  expect(screen.getByRole<HTMLInputElement>("textbox", { name: "New name" }).value).toBe("Flume");
  hub.down = false;
  fireEvent.click(screen.getByRole("button", { name: "Save name" }));
  expect(await screen.findByRole("radio", { name: "Flume" })).toBeTruthy();
});

test("what was typed is forgotten for good once the environment is made otherwise, even if it goes back", () => {
  const draft = { kind: "packages", lines: "numpy==1.2.3.4", address: "https://user:secret@example.org/x", ref: "", subdir: "" };
  keepDraft("e1", "change", "of numpy", draft);
  expect(draftFor("e1", "change", "of numpy")).toMatchObject({ lines: draft.lines, address: "https://example.org/x" });
  expect(draftFor("e1", "change", "of scipy")).toBeNull();
  expect(draftFor("e1", "change", "of numpy")).toBeNull();
});
