import { describe, expect, test } from "vitest";
import { asTyped, nextOf, staysInside } from "./opening";
import { readPermalink } from "./permalink";
import { page } from "../testing/samples";

const hash = (given: object) => `#fancy-forms-config=${encodeURIComponent(JSON.stringify(given))}`;

describe("permalinks of fancy-profiles", () => {
  test("a repository, its ref and the rest fill the form in", () => {
    const found = readPermalink(hash({ profile: "large", memory: "g4", "image:binderProvider": "gh", "image:binderRepo": "lab/waves", image: "--extra-selectable-item", "image:ref": "v2", autoStart: "false" }));
    expect(found).toEqual({
      chosen: { profile: "large", memory: "g4", image: "--extra-selectable-item", "image--unlisted-choice--repo": "gh/lab/waves", "image--unlisted-choice--ref": "v2" },
      linked: true,
      autoStart: false,
      opens: "",
    });
  });

  test("a typed image and files to pull", () => {
    const found = readPermalink(hash({ "image:unlisted_choice": "a/b:1", autoStart: "true", "gitPuller:repo": "https://e.org/r", "gitPuller:branch": "main" }));
    expect(found).toMatchObject({ chosen: { "image--unlisted-choice": "a/b:1" }, autoStart: true, opens: "git-pull?repo=https%3A%2F%2Fe.org%2Fr&branch=main" });
  });

  test.each(["", "#other=1", "#/a"])("%j is none", (text) => {
    expect(readPermalink(text)).toBeNull();
  });

  test("a damaged one is said", () => {
    expect(readPermalink("#fancy-forms-config=%7B")?.problem).toContain("damaged");
  });
});

describe("what is opened", () => {
  test.each([
    ["lab/tree/a%20b/c.ipynb", "a b/c.ipynb"],
    ["doc/tree/a.ipynb", "a.ipynb"],
    ["tree/50%", "50%"],
    ["lab", ""],
    ["lab/", ""],
    ["", ""],
    ["rstudio", "/rstudio"],
    ["git-pull?repo=https%3A%2F%2Fe.org%2Fr&urlpath=lab%2Ftree%2Fr", "/git-pull?repo=https%3A%2F%2Fe.org%2Fr&urlpath=lab%2Ftree%2Fr"],
    ["lab/tree/a.ipynb?reset", "/lab/tree/a.ipynb?reset"],
  ])("%j is typed as %j", (address, typed) => {
    expect(asTyped(address)).toBe(typed);
  });

  test("an address is reached below the user's server, named or not", () => {
    expect(nextOf({ ...page, hubApi: "/base/hub/api/", user: "a b" }, "/rstudio?x=1")).toBe("/base/user/a%20b/rstudio?x=1");
    expect(nextOf({ ...page, serverName: "two/" }, "/lab")).toBe("/user/ada/two%2F/lab");
    expect(nextOf(page, "a.ipynb")).toBe("");
  });

  test.each(["//evil.org", "/..", "/a/%2e%2e/b", "/a\\b", "/%252e%252e/x"])("%j does not stay inside", (text) => {
    expect(staysInside(text)).toBe(false);
  });
});
