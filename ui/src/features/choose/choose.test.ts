import { describe, expect, test } from "vitest";
import type { ProfileOption } from "../../lib/page";
import { engine, environments, page } from "../../testing/samples";
import { OTHER, firstChoice, reduce, type Choice, type ChoiceEvent } from "./choice";
import { complaintsOf } from "./complaints";
import { postedFields } from "./fields";
import { inForce, offersOf } from "./offers";

const after = (...events: ChoiceEvent[]): Choice => events.reduce(reduce, firstChoice(page));
const now = (choice: Choice) => inForce(page, choice, environments, engine);
const complaints = (...events: ChoiceEvent[]) => complaintsOf(after(...events), now(after(...events)));

describe("a choice", () => {
  test("keeps each profile's answers when another is looked at", () => {
    const state = after({ type: "answer", key: "memory", change: { choice: "g4" } }, { type: "profile", slug: "large" }, { type: "profile", slug: "small" });
    expect(state.answers["small"]?.["memory"]?.choice).toBe("g4");
  });

  test("falls back to the defaults where last time's are gone", () => {
    const state = firstChoice({ ...page, chosen: { profile: "gone", memory: "g9", image: "gone" } });
    expect(state.profile).toBe("small");
    expect(now(state).picked).toEqual({ kind: "choice", key: "scipy" });
  });

  test("takes up a typed image and a repository of last time", () => {
    expect(firstChoice({ ...page, chosen: { profile: "small", "image--unlisted-choice": "a/b:1" } })).toMatchObject({ source: "typed", typed: "a/b:1" });
    const built = { profile: "small", image: "--extra-selectable-item", "image--unlisted-choice": "x:1", "image--unlisted-choice--repo": "lab/x", "image--unlisted-choice--ref": "v1" };
    expect(firstChoice({ ...page, chosen: built })).toMatchObject({ source: "repository", repository: { address: "lab/x", ref: "v1" } });
  });

  test("is the user's even if the saved environments arrive late", () => {
    const chosen = { profile: "small", "image--unlisted-choice": "hubkiln/lab/waves@sha256:e1" };
    const first = firstChoice({ ...page, chosen });
    expect(reduce(first, { type: "saved", environments }).listed).toBe("saved:e1");
    const quick = reduce(first, { type: "listed", listed: "choice:plain" });
    expect(reduce(quick, { type: "saved", environments }).listed).toBe("choice:plain");
    const typing = reduce(first, { type: "typed", text: "hubkiln/lab/waves:new" });
    expect(reduce(typing, { type: "saved", environments })).toMatchObject({ source: "typed", typed: "hubkiln/lab/waves:new" });
  });
});

describe("offers", () => {
  const option = (more: Partial<ProfileOption>): ProfileOption => ({ display_name: "Environment", ...more });
  const sources = (more: Partial<ProfileOption>) => offersOf(option(more), environments, engine).map(({ source }) => source);

  test("are what the admin allows", () => {
    expect(sources({ choices: { a: { display_name: "A" } } })).toEqual(["listed"]);
    expect(sources({ unlisted_choice: { enabled: true }, dynamic_image_building: { enabled: false } })).toEqual(["typed"]);
    expect(sources({ dynamic_image_building: { enabled: true } })).toEqual(["listed", "repository"]);
  });

  test("have the admin's name for typed images", () => {
    const named = option({ unlisted_choice: { enabled: true, display_name_in_choices: "Bring your own" } });
    expect(offersOf(named, environments, engine).map(({ label }) => label)).toEqual(["Listed", "Bring your own"]);
    expect(offersOf(option({ unlisted_choice: { enabled: true } }), [], engine).map(({ label }) => label)).toEqual(["Any image"]);
  });

  test("that cannot work here are never in force", () => {
    const barred = { ...engine, typed_images: { works: false, reason: "No." } };
    const state = after({ type: "source", source: "typed" });
    expect(inForce(page, state, environments, barred).source).toBe("listed");
  });

  test("a saved environment that was forgotten is no longer picked", () => {
    const state = after({ type: "listed", listed: "saved:e1" });
    expect(inForce(page, state, [], engine).picked).toEqual({ kind: "choice", key: "scipy" });
  });
});

describe("complaints", () => {
  const address = (text: string) => complaints({ type: "source", source: "repository" }, { type: "repository", change: { address: text } })["repository"];

  test.each(["lab/waves", "https://host/a.git", "git@host:a/b.git", "zenodo/10.5281/zenodo.1"])("there are none about %s", (text) => {
    expect(address(text)).toBeUndefined();
  });

  test("there are about an address that is missing, spaced, or holds a password", () => {
    expect(address(" ")).toMatch(/Give a repository/);
    expect(address("a b")).toMatch(/no spaces/);
    expect(address("https://me:secret@host/a.git")).toMatch(/password/);
  });

  test.each([["a/b.ipynb", false], ["/rstudio?x=1", false], ["//evil.org", true], ["/a/%2e%2e/b", true], ["a/../../b", true], ["a..b", false]])("the path %s: %s", (path, wrong) => {
    const found = complaints({ type: "source", source: "repository" }, { type: "repository", change: { address: "a/b" } }, { type: "open", of: "repository", path });
    expect("open" in found).toBe(wrong);
  });

  test("a date must be given when a date is asked for", () => {
    expect(complaints({ type: "source", source: "repository" }, { type: "repository", change: { address: "a/b", asOf: "date" } })).toHaveProperty("date");
  });

  test("a rule must match the whole text, and one that this browser cannot read is left to the server", () => {
    const ruled = (rule: string, text: string) => {
      const image: ProfileOption = { display_name: "", unlisted_choice: { enabled: true, validation_regex: rule } };
      const one = { ...page, profiles: [{ slug: "p", display_name: "P", profile_options: { image } }] };
      const state = [{ type: "typed", text } as const].reduce(reduce, firstChoice(one));
      return Object.keys(complaintsOf(state, inForce(one, state, [], engine)));
    };
    expect(ruled("a+", "aaa")).toEqual([]);
    expect(ruled("a+", "aab")).toEqual(["image"]);
    expect(ruled("a|b", "bc")).toEqual(["image"]);
    expect(ruled("(?P<name>a)+", "aa")).toEqual([]);
    expect(ruled("(?i)a", "A")).toEqual([]);
  });
});

test("an answer of one's own is posted as the stock form posts it", () => {
  const disk: ProfileOption = { display_name: "Disk", choices: {}, unlisted_choice: { enabled: true } };
  const one = { ...page, profiles: [{ slug: "p", display_name: "P", profile_options: { disk } }] };
  const state = reduce(firstChoice(one), { type: "answer", key: "disk", change: { choice: OTHER, text: " 5G " } });
  expect(postedFields(state, inForce(one, state, [], null), null)).toEqual([
    ["profile", "p"],
    ["profile-option-p--disk--unlisted-choice", "5G"],
  ]);
});
