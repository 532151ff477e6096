import { describe, expect, test } from "vitest";
import addresses from "../testing/addresses.json";
import { page } from "../testing/samples";
import { withoutSecret } from "./address";
import { failureOf, problemOf } from "./failure";
import { defaultChoice, readPage } from "./page";
import { recall, remember } from "./remembered";
import { makeService } from "./service";
import { addressOf, hostOf, inlineOf, lean, linesOf, refOf, shortCommit } from "./spec";
import { ago, duration } from "./time";

test.each([
  [-3, "0 s"],
  [59.9, "59 s"],
  [80, "1 min 20 s"],
  [7500, "2 h 5 min"],
])("%d seconds are %s", (seconds, words) => {
  expect(duration(seconds)).toBe(words);
});

test.each([
  [30, "just now"],
  [90, "1 minute ago"],
  [86_400, "yesterday"],
  [-60, "just now"],
])("%d seconds back are %s", (seconds, words) => {
  const now = Date.parse("2026-03-01T00:00:00Z");
  expect(ago(new Date(now - seconds * 1000).toISOString(), now)).toBe(words);
});

describe("what is remembered", () => {
  test("comes back", () => {
    const value = { build: "b1", asked: true, sent: false, choice: { profile: "small" } };
    remember(value);
    expect(recall()).toEqual(value);
    remember(null);
    expect(recall()).toBeNull();
  });

  test.each(["{", "7", '"x"', "{}", "null", '{"build":1,"asked":true,"sent":true,"choice":{}}'])("is nothing when it is %s", (text) => {
    sessionStorage.setItem("hubkiln-watching", text);
    expect(recall()).toBeNull();
  });

  test("is nothing where storage is forbidden", () => {
    const forbidden = {
      getItem: () => {
        throw new Error("no");
      },
    } as unknown as Storage;
    expect(recall(forbidden)).toBeNull();
  });
});

describe("an answer that is no success", () => {
  test.each([
    ['{"error":{"code":"x","message":"Ours.","hint":"Do."}}', "Ours."],
    ['{"status":403,"message":"The hub\'s."}', "The hub's."],
    ["<html>", "It answered with an error (502)."],
    ["null", "It answered with an error (502)."],
  ])("%s says %s", async (body, message) => {
    const failure = await failureOf(new Response(body, { status: 502 }), "It");
    expect(failure.problem.message).toBe(message);
    expect(failure.passing).toBe(true);
  });

  test("anything thrown becomes a problem", () => {
    expect(problemOf("odd").message).toBe("odd");
  });
});

// The service's tests read the same list: what is written here means that repository there.
test.each(addresses)("$repository of $provider is typed as $address", ({ address, ...named }) => {
  expect(addressOf({ ...named, ref: "HEAD", subdir: "" })).toBe(address);
});

test.each([
  ["https://ada:secret@host/a.git", "https://host/a.git"],
  [" HTTP://t0ken@host/a", " HTTP://host/a"],
  ["https://host/~a@b/c", "https://host/~a@b/c"],
  ["git@host:a/b.git", "git@host:a/b.git"],
])("%s without what is secret is %s", (address, clean) => {
  expect(withoutSecret(address)).toBe(clean);
});

test.each([
  ["gh", "lab/waves", "GitHub"],
  ["gl", "lab/waves", "GitLab"],
  ["inline", "numpy", "package list"],
  ["git", "https://example.org/lab/waves.git", "example.org"],
  ["git", "ssh://git@example.org:2222/lab/waves.git", "example.org:2222"],
  ["git", "git@example.org:lab/waves.git", "example.org"],
  ["new", "x", "new"],
])("%s %s is from %s", (provider, repository, host) => {
  expect(hostOf({ provider, repository, ref: "HEAD", subdir: "" })).toBe(host);
});

test("a ref and a commit read as they are typed", () => {
  expect(refOf({ provider: "gh", repository: "a/b", ref: "HEAD", subdir: "" })).toBe("");
  expect(shortCommit("0123456789abcdef0123456789abcdef01234567")).toBe("0123456");
  expect(shortCommit("v1.2")).toBe("v1.2");
});

test("the page's data is read, with something sensible where it is missing", () => {
  document.body.innerHTML = '<script type="application/json" id="hubkiln-page">{"user":"<\\/b>"}</script>';
  expect(readPage(document)).toMatchObject({ user: "</b>", profiles: [], problem: "" });
  document.body.replaceChildren();
  expect(readPage(document).user).toBe("");
});

test("the hub's token against cross-site requests is found in the form's address where the data has none", () => {
  document.body.innerHTML = '<form action="/hub/spawn?next=%2Fa&_xsrf=t%3D1"><div id="hubkiln"></div></form>';
  expect(readPage(document).xsrf).toBe("t=1");
});

test("the default choice is the marked one, else the first", () => {
  expect(defaultChoice({ display_name: "", choices: { a: { display_name: "" }, b: { display_name: "", default: true } } })).toBe("b");
  expect(defaultChoice({ display_name: "", choices: { a: { display_name: "" } } })).toBe("a");
  expect(defaultChoice({ display_name: "" })).toBe("");
});

test.each([
  ["<h1>404 : Not Found</h1>", true],
  ['{"status": 404, "message": "Not Found"}', true],
  ['{"error": {"code": "not_found", "message": "There is no such build.", "hint": ""}}', false],
])("an answer that is not the service's own, while the hub restarts, may be another soon: %s", async (answer, passing) => {
  const ports = {
    fetch: (address: string) => Promise.resolve(address.includes("tokens") ? Response.json({ token: "t" }) : new Response(answer, { status: 404 })),
    now: () => 0,
    go: () => undefined,
    wait: () => Promise.resolve(),
  };
  await expect(makeService(page, ports).send("api/builds/b1")).rejects.toHaveProperty("passing", passing);
});

test("the page's token is for what the hub says", async () => {
  const sent: string[] = [];
  const ports = {
    fetch: (_: string, init: RequestInit = {}) => {
      sent.push(typeof init.body === "string" ? init.body : "");
      return Promise.resolve(Response.json({ token: "t" }));
    },
    now: () => 0,
    go: () => undefined,
    wait: () => Promise.resolve(),
  };
  const scopes = ["access:services!service=kiln", "custom:hubkiln:build"];
  await makeService({ ...page, scopes }, ports).send("api/builds");
  expect(JSON.parse(sent.find((body) => body) ?? "{}")).toMatchObject({ scopes });
});

describe("a list of packages", () => {
  test.each(["numpy\npandas>=2,<3\ndask[array,complete]", "numpy ; python_version < '3.9'\n# 100 % sure\nrich"])("keeps its lines: %j", (lines) => {
    expect(linesOf(inlineOf(lines))).toBe(lines);
    expect(inlineOf(`inline/${lines}`)).toBe(inlineOf(lines));
  });

  test("of the service has one package a line", () => {
    const spec = { provider: "inline", repository: "python==3.12,dask[array,complete],numpy<3,>=2", ref: "HEAD", subdir: "" };
    expect(linesOf(addressOf(spec))).toBe("python==3.12\ndask[array,complete]\nnumpy<3,>=2");
  });

  test("is sent without hashes and lines of comment", () => {
    expect(lean("# made by a tool\r\na==1 \\\r\n    --hash=sha256:00 \\\r\n    --hash=sha256:11\r\n  # via b\r\nb==2  # last\r\n")).toBe("a==1\nb==2  # last");
    expect(lean("# only one\na\n")).toBe("# only one\na");
  });
});
