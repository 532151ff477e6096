import { fireEvent, render, screen } from "@testing-library/preact";
import { expect, test, vi } from "vitest";
import { Entry } from "./entry";

test("fields are sent by their button, as browsers press it on Enter, if it is ready", () => {
  const act = vi.fn();
  const entry = (ready: boolean) => (
    <Entry button="Save" ready={ready} act={act}>
      <input aria-label="Name" />
    </Entry>
  );
  const { rerender } = render(entry(false));
  const button = screen.getByRole<HTMLButtonElement>("button", { name: "Save" });
  const sent = vi.fn((event: Event) => event.defaultPrevented);
  document.addEventListener("submit", sent);
  expect(screen.getByLabelText<HTMLInputElement>("Name").form).toBe(button.form);
  expect(button.type).toBe("submit");
  fireEvent.click(button);
  expect(act).not.toHaveBeenCalled();
  rerender(entry(true));
  fireEvent.click(button);
  expect(act).toHaveBeenCalledOnce();
  expect(sent.mock.results).toEqual([{ type: "return", value: true }]); // nothing leaves the page
  document.removeEventListener("submit", sent);
});
