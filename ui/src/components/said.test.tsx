import { fireEvent, render, screen } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import { plainWords } from "../lib/words";
import { ProblemNotice } from "./notice";
import { useSaid } from "./said";

describe("a notice", () => {
  test("shows names as code, not between backticks, in its message and its hint", () => {
    render(<ProblemNotice problem={{ code: "x", message: "There is no `numpyy`.", hint: "Write `numpy` in `requirements.txt`." }} />);
    const alert = screen.getByRole("alert");
    expect([...alert.querySelectorAll("code")].map((one) => one.textContent)).toEqual(["numpyy", "numpy", "requirements.txt"]);
    expect(alert.textContent).toBe("There is no numpyy.Write numpy in requirements.txt.");
  });

  test("leaves alone a backtick that closes nothing, and markup that is none of ours", () => {
    render(<ProblemNotice problem={{ code: "x", message: "It said ` and <b>no</b>.", hint: "" }} />);
    expect(screen.getByRole("alert").textContent).toBe("It said ` and <b>no</b>.");
    expect(screen.getByRole("alert").querySelector("code, b")).toBeNull();
  });
});

test("what is said once more is new in its region, else screen readers keep it to themselves", () => {
  const Saying = () => {
    const [said, say] = useSaid();
    return <button onClick={() => { say("Saved."); }}>{said}</button>;
  };
  render(<Saying />);
  const button = screen.getByRole("button");
  fireEvent.click(button);
  const first = screen.getByText("Saved.");
  fireEvent.click(button);
  expect(button.textContent).toBe("Saved.");
  expect(screen.getByText("Saved.")).not.toBe(first);
});

test.each([
  ["\x1b[1;31merror\x1b[0m: no", "error: no"],
  ["\x1b]8;;https://example.org\x07link\x1b]8;;\x07", "link"],
  ["a\rb\x00c\x9bd", "abcd"],
  ["two\nlines\tand tabs, é", "two\nlines\tand tabs, é"],
])("%j reads %j", (text, words) => {
  expect(plainWords(text)).toBe(words);
});
