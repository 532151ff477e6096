import { describe, expect, test } from "vitest";
import { asksMore, isListed, isListedImage } from "./listed";

const sources = (...listed: string[]) => ({ startByLink: { images: [], sources: listed } });

function found(more: object) {
  const spec = { provider: "gh", repository: "lab/waves", ref: "HEAD", subdir: "", packages: [], ...more };
  return { kind: "repository", value: "", spec, title: "", source: "", opens: "", link: "" } as const;
}

describe("a repository of a listed source starts by itself", () => {
  test.each([
    [[], true],
    [["two"], false],
  ])("without packages that the link adds: %j, %j", (packages, starts) => {
    expect(isListed(sources("gh/lab"), found({ packages }))).toBe(starts);
  });

  test.each([
    ["HEAD", "course", true],
    ["main", "course", true],
    ["v1.2", "", true],
    ["refs/heads/a/b", "course", true],
    ["refs/tags/v1", "", true],
    ["refs/pull/7/head", "", false],
    ["pull/7/head", "", false],
    ["refs/merge-requests/7/head", "", false],
    ["pull", "7/head", false],
    ["origin/pull/7/head", "", false],
    ["feature/x", "", false],
    ["0123456789abcdef0123456789abcdef01234567", "", false],
    ["DEADBEEF", "", false],
  ])("only at a ref that strangers cannot put there: %s, folder %j: %j", (ref, subdir, starts) => {
    expect(isListed(sources("gh/lab"), found({ ref, subdir }))).toBe(starts);
  });

  test("not where the host alone is the same", () => {
    const repository = "https://git.example.org/lab/waves";
    const on = (listed: string) => isListed(sources(`git/${listed}`), found({ provider: "git", repository }));
    expect(["https://git.example.org/lab", "https://git.example.org", "https://git.example.or", "https://git.example.org/la"].map(on)).toEqual([true, true, false, false]);
  });
});

test.each([
  ["quay.io/a/b:1", "quay.io", true],
  ["quay.io/a/b:1", "quay.io/a", true],
  ["quay.io/a:1", "quay.io/a", true],
  ["quay.io/ab:1", "quay.io/a", false],
  ["quay.io:8443/a/b:1", "quay.io", false],
])("the image %s below %s is listed: %j", (image, listed, starts) => {
  expect(isListedImage({ startByLink: { images: [listed], sources: [] } }, image)).toBe(starts);
});

test.each([
  ["", false],
  ["lab/tree/a.ipynb", false],
  ["/rstudio", false],
  ["git-pull?repo=https%3A%2F%2Fe.org%2Fr&targetpath=.ipython", true],
])("what is opened asks for more than to be shown: %s, %j", (opens, more) => {
  expect(asksMore(["", opens])).toBe(more);
});
