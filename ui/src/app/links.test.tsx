import { fireEvent, screen, waitFor, within } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import type { Page } from "../lib/page";
import { FakeHub } from "../testing/fake-hub";
import { openPage, theButton } from "../testing/open-page";

const link = (address: string, more: Partial<Page> = {}): Partial<Page> => ({
  linked: true,
  chosen: { profile: "small", image: "--extra-selectable-item", "image--unlisted-choice--repo": `/v2/${address}` },
  ...more,
});

const field = (name: string | RegExp) => screen.getByRole<HTMLInputElement>("textbox", { name });

const shows = (text: string) =>
  waitFor(() => {
    expect(field("Repository").value).toBe(text);
  });

describe("a link to a repository", () => {
  test("fills the form in as people write it, says what it means, and waits", async () => {
    const { hub } = openPage(link("gh/lab/waves/feature%2Fx", { opens: "lab/tree/a%20b.ipynb" }));
    await shows("lab/waves");
    expect([field(/^Branch/).value, field(/^Path/).value]).toEqual(["feature/x", "a b.ipynb"]);
    await screen.findByText(/GitHub: lab\/waves · at feature\/x/);
    expect(hub.requests).toEqual([]);
  });

  test.each([
    ["gh/lab", true],
    ["gh/LAB/waves", true],
    ["gh/la", false],
    ["gh/lab/wave", false],
    ["git/lab", false],
  ])("with %j listed starts by itself: %j", async (source, starts) => {
    const { hub } = openPage(link("gh/lab/waves/HEAD", { startByLink: { images: [], sources: [source] } }));
    await shows("lab/waves").catch(() => undefined);
    if (starts) await waitFor(() => { expect(hub.requests).toHaveLength(1); });
    else expect([hub.requests, theButton().textContent]).toEqual([[], "Build and start"]);
  });

  test.each([
    ["rstudio", true],
    ["git-pull?repo=https%3A%2F%2Fe.org%2Fr&targetpath=.ipython", false],
  ])("of a listed source that opens %s starts by itself: %j", async (opens, starts) => {
    const { hub } = openPage(link("gh/lab/waves/HEAD", { opens, startByLink: { images: [], sources: ["gh/lab"] } }));
    await shows("lab/waves");
    if (starts) return waitFor(() => { expect(hub.requests).toHaveLength(1); });
    await screen.findByText("Composed, about 25 s.");
    expect([hub.requests, theButton().textContent]).toEqual([[], "Build and start"]);
  });

  test("goes, once started, where the link says", async () => {
    const { hub, form, posted, went } = openPage(link("gh/lab/waves/HEAD", { opens: "rstudio" }));
    form.setAttribute("action", "/hub/spawn?_xsrf=x");
    await shows("lab/waves");
    fireEvent.click(theButton());
    await screen.findByRole("heading", { name: /lab\/waves/ });
    hub.builds[0]?.ready();
    await waitFor(() => { expect(posted()).not.toBeNull(); });
    await waitFor(() => { expect(went).toEqual(["/user/ada/rstudio"]); });
    expect(hub.asked).toContain("POST /hub/spawn?_xsrf=x-1&next=%2Fuser%2Fada%2Frstudio");
    expect(posted()).not.toHaveProperty("hubkiln-open");
  });
});

describe("before the button is pressed", () => {
  test("branches and tags are suggested to who is about to name one", async () => {
    const { hub } = openPage(link("gh/lab/waves/HEAD"));
    await screen.findByText("Composed, about 25 s.");
    expect(hub.asked.some((one) => one.includes("api/refs"))).toBe(false);
    fireEvent.focus(screen.getByLabelText(/^Branch/));
    const named = await screen.findByRole("combobox", { name: /^Branch/ });
    fireEvent.click(named);
    expect(within(screen.getByRole("listbox", { name: /^Branch/ })).getAllByRole("option").map((one) => one.textContent)).toEqual(["trunk", "v2", "v1", "dev"]);
    expect(named.getAttribute("placeholder")).toBe("trunk");
  });

  test("a host that does not answer is told where suggestions would be, and beside the forecast", async () => {
    const away = { code: "unreachable", message: "The host is away.", hint: "Wait a while." };
    const hub = new FakeHub();
    hub.refs = { default: "", branches: [], tags: [], more: 0, error: away };
    hub.forecasts = { "": { outcome: "unknown", seconds: null, error: away } };
    openPage(link("gh/lab/waves/HEAD"), hub);
    await screen.findByText("The host is away.");
    expect(screen.queryByText(/About/)).toBeNull();
    fireEvent.focus(screen.getByLabelText(/^Branch/));
    const told = await screen.findByText("The repository's host does not answer, so nothing is suggested here.");
    expect(screen.getByLabelText(/^Branch/).getAttribute("aria-describedby")).toBe(told.id);
  });

  test("what is left of the user's allowance is told", async () => {
    const hub = new FakeHub();
    hub.allowance.limits = { user_builds_daily: 5, user_launches_daily: 2 };
    hub.allowance.used.user_builds_daily = 4;
    openPage(link("gh/lab/waves/HEAD"), hub);
    await screen.findByText("Left within 24 hours: 1 build and 2 starts.");
  });

  test("the page says what will happen, and why", async () => {
    const { hub } = openPage(link("gh/lab/waves/HEAD"));
    hub.forecasts = {
      there: { outcome: "ready", seconds: 0 },
      old: { outcome: "repo2docker", seconds: 400, why: ["`Dockerfile` needs repo2docker"], earlier: true },
      gone: { outcome: "refused", error: { code: "ref_not_found", message: "There is no gone.", hint: "Check it." } },
    };
    await screen.findByText("Composed, about 25 s.");
    const said = async (ref: string, text: RegExp) => {
      fireEvent.input(field(/^Branch/), { target: { value: ref } });
      const head = await screen.findByText(text);
      return head.closest("[role=status]")?.textContent;
    };
    expect(await said("there", /^Used again/)).toBe("Used again at once. ");
    expect(await said("old", /^repo2docker/)).toBe("repo2docker, 7 min. Dockerfile needs repo2docker. So it was with an earlier commit.");
    expect(await said("gone", /^There is no/)).toBe("There is no gone. Check it.");
    expect(theButton().matches(":disabled")).toBe(false); // it may be there by the time
  });
});

describe("a permalink that asks for a start", () => {
  const listed = { linked: true, autoStart: true, chosen: { profile: "small", image: "plain" } };

  test("gets it where all is listed", async () => {
    const { posted } = openPage(listed);
    await waitFor(() => { expect(posted()).toMatchObject({ "profile-option-small--image": "plain" }); });
  });

  test.each([[[], false], [["quay.io/a"], true], [["quay.io/ab"], false]])("with a typed image and %j listed: %j", async (images, starts) => {
    const chosen = { profile: "small", "image--unlisted-choice": "quay.io/a/b:1" };
    const { posted, hub } = openPage({ ...listed, chosen, startByLink: { images, sources: [] } });
    await waitFor(() => { expect(hub.asked.some((one) => one.includes("api/environments?"))).toBe(true); });
    if (starts) await waitFor(() => { expect(posted()).not.toBeNull(); });
    else expect(posted()).toBeNull();
  });
});

describe("what is pasted", () => {
  const paste = async (text: string, hub = new FakeHub()) => {
    const opened = openPage({}, hub);
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.paste(field("Repository"));
    fireEvent.input(field("Repository"), { target: { value: text } });
    await waitFor(() => { expect(hub.asked.some((one) => one.includes("recognised"))).toBe(true); });
    return opened;
  };

  test("a notebook's page becomes repository, branch and path", async () => {
    await paste("https://github.com/lab/waves/blob/main/docs/a.ipynb");
    await shows("lab/waves");
    expect([field(/^Branch/).value, field(/^Path/).value]).toEqual(["main", "docs/a.ipynb"]);
  });

  test("packages are built as such", async () => {
    const { hub } = await paste("numpy pandas==2");
    await waitFor(() => { expect(field("Packages").value).toBe("numpy\npandas==2"); });
    fireEvent.click(theButton());
    await waitFor(() => { expect(hub.requests).toEqual([expect.objectContaining({ spec: "inline/numpy,pandas==2" })]); });
  });

  test("what belonged to one address does not stay for the next", async () => {
    await paste("https://github.com/lab/waves/blob/main/docs/a.ipynb");
    await shows("lab/waves");
    fireEvent.paste(field("Repository"), { clipboardData: { getData: () => "lab/tides" } });
    fireEvent.input(field("Repository"), { target: { value: "lab/tides" } });
    await shows("lab/tides");
    await waitFor(() => { expect([field(/^Branch/).value, field(/^Path/).value]).toEqual(["", ""]); });
  });

  test("what is named before the first address stays", async () => {
    openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    fireEvent.input(field(/^Branch/), { target: { value: "dev" } });
    fireEvent.paste(field("Repository"), { clipboardData: { getData: () => "lab/tides" } });
    fireEvent.input(field("Repository"), { target: { value: "lab/tides" } });
    await shows("lab/tides");
    expect(field(/^Branch/).value).toBe("dev");
  });

  test("several lines stay lines, and are a list to go on with", async () => {
    const { hub } = openPage();
    fireEvent.click(screen.getByRole("radio", { name: "Repository" }));
    field("Repository").focus();
    fireEvent.paste(field("Repository"), { clipboardData: { getData: () => "numpy==1.26 \\\n  --hash=sha256:aa\n# tables\npandas\n" } });
    const box = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Packages" });
    expect(box.value).toBe("numpy==1.26\npandas");
    await waitFor(() => { expect(document.activeElement).toBe(box); });
    expect(screen.queryByRole("textbox", { name: /^Branch/ })).toBeNull();
    fireEvent.input(box, { target: { value: "numpy\npandas\n" } });
    expect(box.value).toBe("numpy\npandas\n");
    fireEvent.click(theButton());
    await waitFor(() => { expect(hub.requests[0]?.spec).toMatch(/^inline\/numpy(,|%0A)pandas$/); });
  });

  test("an image's name is one press away from its place", async () => {
    await paste("quay.io/a/b:1");
    fireEvent.click(await screen.findByRole("button", { name: "Use it as an image" }));
    expect(field("Image").value).toBe("quay.io/a/b:1");
  });

  test("a lone name that is no repository's is one press away from the list of packages", async () => {
    const { hub } = await paste("humanize");
    expect(screen.queryByRole("button", { name: "Use it as a package" })).toBeNull();
    fireEvent.blur(field("Repository"));
    fireEvent.click(await screen.findByRole("button", { name: "Use it as a package" }));
    expect((await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Packages" })).value).toBe("humanize");
    fireEvent.click(theButton());
    await waitFor(() => { expect(hub.requests[0]?.spec).toBe("inline/humanize"); });
  });

  test("what names nothing marks the field and builds nothing", async () => {
    const { hub } = await paste("nothing.");
    fireEvent.blur(field("Repository"));
    await waitFor(() => { expect(field("Repository").getAttribute("aria-invalid")).toBe("true"); });
    fireEvent.click(theButton());
    await screen.findByText(/does not name a repository/);
    expect(hub.requests).toEqual([]);
  });
});

test("a link to an environment that the user may not have says so, and the form is whole", async () => {
  openPage({ environment: "nowhere" });
  expect((await screen.findByRole("alert")).textContent).toBe("The environment that the link leads to is gone, or not yours to use.Choose something else.");
  expect(screen.getByRole("radio", { name: "Wave tank" })).toBeTruthy();
});

test("links and badges are written for what the form asks for", async () => {
  openPage(link("gh/lab/waves/HEAD", { opens: "doc/tree/a.ipynb" }));
  await shows("lab/waves");
  await waitFor(() => {
    expect(field("Link").value).toBe(`${window.location.origin}/hub/v2/gh/lab/waves/HEAD?labpath=a.ipynb`);
  });
  expect(field("Markdown").value).toContain("[![Open in JupyterHub](http");
});
