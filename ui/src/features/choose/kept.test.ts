import fc from "fast-check";
import { describe, expect, test } from "vitest";
import addresses from "../../testing/addresses.json";
import type { Spec } from "../../lib/api-types";
import type { Page, ProfileOption } from "../../lib/page";
import { engine, environments, page as plain } from "../../testing/samples";
import { OTHER, firstChoice, reduce, type Choice, type ChoiceEvent } from "./choice";
import { postedFields, type Made } from "./fields";
import { kept, restored } from "./kept";
import { inForce } from "./offers";

const disk: ProfileOption = { display_name: "Disk", choices: { d1: { display_name: "1 GB" } }, unlisted_choice: { enabled: true } };
const page: Page = { ...plain, profiles: plain.profiles.map((one) => ({ ...one, profile_options: { ...one.profile_options, disk } })) };

const spec: fc.Arbitrary<Spec> = fc.record({
  ...{ named: fc.constantFrom(...addresses), ref: fc.constantFrom("HEAD", "v1"), subdir: fc.constantFrom("", "sub") },
}).map(({ named: { provider, repository }, ...rest }) => ({ provider, repository, ...rest }));

const place = fc.constantFrom("repository", "saved:e1", "saved:e2");
const event: fc.Arbitrary<ChoiceEvent> = fc.oneof(
  fc.record({ type: fc.constant("profile" as const), slug: fc.constantFrom("small", "large") }),
  fc.record({ type: fc.constant("answer" as const), key: fc.constant("disk"), change: fc.record({ choice: fc.constantFrom("d1", OTHER), text: fc.string() }) }),
  fc.record({ type: fc.constant("source" as const), source: fc.constantFrom("listed" as const, "typed" as const, "repository" as const) }),
  fc.record({ type: fc.constant("listed" as const), listed: fc.constantFrom("choice:plain", "saved:e1", "saved:e2", "saved:gone") }),
  fc.record({ type: fc.constant("typed" as const), text: fc.string() }),
  fc.record({
    type: fc.constant("repository" as const),
    change: fc.record(
      { address: fc.constantFrom("lab/waves", "https://example.org/a.git", "git@host:a/b"), ref: fc.string(), subdir: fc.string(), asOf: fc.constantFrom("today" as const, "commit" as const, "date" as const), date: fc.constantFrom("", "2024-01-31"), refresh: fc.boolean() },
      { requiredKeys: [] },
    ),
  }),
  fc.record({ type: fc.constant("open" as const), of: place, path: fc.string() }),
  fc.record({ type: fc.constant("found" as const), spec }),
  fc.record({ type: fc.constant("left" as const), fields: fc.constant(["open"]) }),
  fc.constant({ type: "saved" as const, environments }),
);
const choice: fc.Arbitrary<Choice> = fc.array(event, { maxLength: 20 }).map((events) => events.reduce(reduce, firstChoice(page)));

/** What the hub stores of posted fields, and gives to the next visit. */
function stored(fields: readonly (readonly [string, string])[]): Page {
  const chosen = Object.fromEntries(fields.map(([name, value]) => [name.replace(/^profile-option-[^-]+--/, ""), value]));
  return { ...page, chosen };
}

const posted = (state: Choice, saved = environments, made: Made | null = null) => postedFields(state, inForce(page, state, saved, engine), made);

describe("a choice that is kept", () => {
  test("comes back whole, whatever it was", () => {
    fc.assert(
      fc.property(choice, (state) => {
        expect(restored(page, JSON.parse(JSON.stringify(kept(state))))).toEqual({ ...state, left: [] });
      }),
    );
  });

  test("holds no password, and nobody's name, of an address", () => {
    const secret = reduce(firstChoice(page), { type: "repository", change: { address: "https://ada:hunter2@host/a.git" } });
    expect(JSON.stringify(kept(secret))).not.toMatch(/hunter2|ada/);
    expect(kept(secret).repository.address).toBe("https://host/a.git");
  });

  test("of any shape is a choice that the page offers", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ profile: fc.jsonValue(), answers: fc.jsonValue(), source: fc.jsonValue(), repository: fc.jsonValue(), opens: fc.jsonValue() })), (value) => {
        const fields = posted(restored(page, value));
        expect(["small", "large"]).toContain(fields[0]?.[1]);
      }),
    );
  });

  test("falls back to the default where its answer is offered no more", () => {
    const gone = { profile: "gone", answers: { small: { memory: { choice: "g9", text: "" }, disk: { choice: "toString", text: "" } } } };
    const state = restored(page, gone);
    expect(state.profile).toBe("small");
    expect(state.answers["small"]).toMatchObject({ memory: { choice: "g2" }, disk: { choice: "d1" } });
  });
});

describe("what was started last time", () => {
  test("is chosen again, whatever it was", () => {
    fc.assert(
      fc.property(choice, (state) => {
        const before = posted(state);
        const again = reduce(firstChoice(stored(before)), { type: "saved", environments });
        // A built image is found by what it is; a text is trimmed and may not be empty.
        fc.pre(before.every(([, value]) => value.trim() === value && value !== ""));
        fc.pre(inForce(page, state, environments, engine).source !== "repository");
        expect(posted(again)).toEqual(before);
      }),
    );
  });

  test("comes back as the same repository of the same provider, after its environment was forgotten", () => {
    fc.assert(
      fc.property(spec, fc.constantFrom("", "a/first.ipynb"), (from, open) => {
        const fields = posted(firstChoice(page), environments, { image: "made/here:1", spec: from, open });
        const { source, repository, opens } = reduce(firstChoice(stored(fields)), { type: "saved", environments: [] });
        const named = addresses.find((one) => one.provider === from.provider && one.repository === from.repository);
        expect(source).toBe("repository");
        expect(repository).toMatchObject({ address: named?.address, ref: from.ref === "HEAD" ? "" : from.ref, subdir: from.subdir });
        expect(opens).toEqual(open ? { repository: open } : {});
      }),
    );
  });

  test("an address too long for the hub is left out, for the image is enough", () => {
    const long = { provider: "inline", repository: "numpy,".repeat(300), ref: "HEAD", subdir: "" };
    const fields = posted(firstChoice(page), environments, { image: "made/here:1", spec: long, open: "" });
    expect(fields.every(([, value]) => value.length <= 1024)).toBe(true);
  });
});

test("a path belongs to its environment, and is not carried to another", () => {
  const events: ChoiceEvent[] = [
    { type: "listed", listed: "saved:e1" },
    { type: "open", of: "saved:e1", path: "waves.ipynb" },
    { type: "listed", listed: "saved:e2" },
  ];
  const other = events.reduce(reduce, firstChoice(page));
  expect(posted(other).map(([name]) => name)).not.toContain("hubkiln-open");
  expect(posted(reduce(other, { type: "listed", listed: "saved:e1" }))).toContainEqual(["hubkiln-open", "waves.ipynb"]);
});

test("a saved environment found again names its repository as the service does", () => {
  const gitlab = environments.map((one) => ({ ...one, spec: { ...one.spec, provider: "gl", subdir: "course" } }));
  const state = firstChoice({ ...page, chosen: { profile: "small", image: "--extra-selectable-item", "image--unlisted-choice": "hubkiln/lab/waves@sha256:e1", "image--unlisted-choice--repo": "lab/waves" } });
  expect(reduce(state, { type: "saved", environments: gitlab }).repository).toMatchObject({ address: "gl/lab/waves", subdir: "course" });
});
