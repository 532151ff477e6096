// A list of packages in place of a repository, on the spawn page.
import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import { openPage, theButton } from "../testing/open-page";

const field = (name: string) => screen.getByRole<HTMLInputElement>("textbox", { name });

describe("a list of packages", () => {
  test("an address and a list of packages stand beside one another", async () => {
    openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(field("Repository"), { target: { value: "lab/waves" } });
    fireEvent.click(screen.getByRole("button", { name: "A list of packages instead" }));
    expect(document.activeElement).toBe(field("Packages"));
    fireEvent.click(theButton());
    await screen.findByText("Name at least one package.");
    fireEvent.input(field("Packages"), { target: { value: "numpy" } });
    fireEvent.click(screen.getByRole("button", { name: "A repository instead" }));
    await waitFor(() => { expect(field("Repository").value).toBe("lab/waves"); });
    fireEvent.click(screen.getByRole("button", { name: "A list of packages instead" }));
    expect(field("Packages").value).toBe("numpy");
    fireEvent.click(screen.getByRole("button", { name: "A repository instead" }));
    fireEvent.paste(field("Repository"));
    fireEvent.input(field("Repository"), { target: { value: "rich humanize" } });
    await waitFor(() => { expect(field("Packages").value).toBe("rich\nhumanize"); });
    fireEvent.click(screen.getByRole("button", { name: "A repository instead" }));
    expect(field("Repository").value).toBe("lab/waves");
  });

  test("a single word becomes the first of a list, and lines that name files are said to be left out", async () => {
    openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(field("Repository"), { target: { value: "numpy==2.1" } });
    fireEvent.click(screen.getByRole("button", { name: "A list of packages instead" }));
    expect(field("Packages").value).toBe("numpy==2.1");
    expect(screen.queryByText(/are left out/)).toBeNull();
    fireEvent.input(field("Packages"), { target: { value: "numpy==2.1\n-r more.txt" } });
    await screen.findByText(/are left out/);
    fireEvent.input(field("Packages"), { target: { value: "numpy==2.1\nscikit-learn" } });
    await waitFor(() => { expect(screen.queryByText(/are left out/)).toBeNull(); });
    fireEvent.click(screen.getByRole("button", { name: "A repository instead" }));
    expect(field("Repository").value).toBe("");
  });

  test("a press of the button right after the names were typed is not lost to the box that takes their place", async () => {
    const { hub } = openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(field("Repository"), { target: { value: "rich humanize" } });
    await screen.findByText(/An environment with these packages/);
    theButton().dispatchEvent(new Event("pointerdown", { bubbles: true }));
    fireEvent.blur(field("Repository"));
    await new Promise((passed) => setTimeout(passed, 30));
    expect(screen.queryByRole("textbox", { name: "Packages" })).toBeNull(); // nothing has moved yet
    theButton().dispatchEvent(new Event("pointerup", { bubbles: true }));
    fireEvent.click(theButton());
    await waitFor(() => { expect(hub.requests).toMatchObject([{ spec: "inline/rich,humanize" }]); });
  });

  test("a press before it is known what the names are is kept until then", async () => {
    const { hub } = openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(field("Repository"), { target: { value: "rich humanize" } });
    fireEvent.click(theButton());
    await waitFor(() => { expect(hub.requests).toMatchObject([{ spec: "inline/rich,humanize" }]); });
    expect(screen.queryByText(/does not name a repository/)).toBeNull();
  });
});
