import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { useState } from "preact/hooks";
import { afterEach, describe, expect, test } from "vitest";
import { TextField } from "./text-field";

afterEach(cleanup);

function Field({ names }: { names: readonly string[] }) {
  const [value, setValue] = useState("");
  return <TextField id="ref" label="Branch" value={value} onInput={setValue} suggestions={names} />;
}

function field(names: readonly string[] = ["main", "v2", "v1", "dev"]) {
  const sent: string[] = [];
  render(
    <form onSubmit={(event) => { event.preventDefault(); sent.push("sent"); }}>
      <Field names={names} />
    </form>,
  );
  const input = screen.getByRole<HTMLInputElement>("combobox", { name: "Branch" });
  const press = (key: string) => fireEvent.keyDown(input, { key }); // false: the form does not see it
  const active = () => document.getElementById(input.getAttribute("aria-activedescendant") ?? "")?.textContent ?? "";
  const options = () => screen.queryAllByRole("option").map(({ textContent }) => textContent);
  return { input, press, active, options, sent };
}

describe("suggestions", () => {
  test("are gone through with the arrows, round and round, and taken with Enter, which sends no form", () => {
    const { input, press, active, options } = field();
    expect(options()).toEqual([]);
    press("ArrowDown");
    expect([input.getAttribute("aria-expanded"), active()]).toEqual(["true", "main"]);
    expect(screen.getByRole("status").textContent).toBe("4 suggestions");
    press("ArrowUp");
    expect(active()).toBe("dev");
    press("ArrowDown");
    press("ArrowDown");
    expect(active()).toBe("v2");
    expect(press("Enter")).toBe(false);
    expect([input.value, options(), input.getAttribute("aria-expanded")]).toEqual(["v2", [], "false"]);
    expect(press("Enter")).toBe(true); // as in any form
    press("ArrowDown");
    expect(active()).toBe("v2"); // where the choice is
  });

  test("fit what is typed, and Escape leaves that as it is", () => {
    const { input, press, active, options } = field();
    fireEvent.input(input, { target: { value: "V" } });
    expect([options(), active()]).toEqual([["v2", "v1", "dev"], ""]);
    expect(press("Enter")).toBe(true);
    expect(press("Escape")).toBe(false);
    expect([options(), input.value]).toEqual([[], "V"]);
    expect(press("Escape")).toBe(true);
    fireEvent.input(input, { target: { value: "nothing" } });
    expect([options(), screen.getByRole("status").textContent]).toEqual([[], "0 suggestions"]);
  });

  test("are taken by a press, and gone when the field is left", () => {
    const { input, options } = field();
    fireEvent.click(input);
    fireEvent.mouseDown(screen.getByRole("option", { name: "dev" }));
    expect([input.value, options()]).toEqual(["dev", []]);
    fireEvent.click(input);
    fireEvent.blur(input);
    expect(options()).toEqual([]);
  });

  test("that come only when something has been typed are shown then", () => {
    const page = render(<TextField id="late" label="Branch" value="v" onInput={() => undefined} suggestions={[]} />);
    fireEvent.input(page.getByLabelText("Branch"), { target: { value: "v2" } });
    page.rerender(<TextField id="late" label="Branch" value="v2" onInput={() => undefined} suggestions={["main", "v2"]} />);
    expect(page.getAllByRole("option").map(({ textContent }) => textContent)).toEqual(["v2"]);
  });

  test("of thousands are drawn fifty, and the others found by typing", () => {
    const { input, options } = field(Array.from({ length: 5000 }, (_, at) => `branch-${String(at)}`));
    fireEvent.click(input);
    expect(options()).toHaveLength(50);
    fireEvent.input(input, { target: { value: "4999" } });
    expect(options()).toEqual(["branch-4999"]);
  });
});
