import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { describe, expect, test } from "vitest";
import { FakeHub } from "../testing/fake-hub";
import { openPage, theButton } from "../testing/open-page";
import { engine } from "../testing/samples";

const radio = (name: string) => screen.getByRole<HTMLInputElement>("radio", { name });

describe("choosing", () => {
  test("posts the defaults of the default profile, and nothing else", async () => {
    const { posted } = openPage();
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(posted()).toEqual({ profile: "small", "profile-option-small--memory": "g2", "profile-option-small--image": "scipy" });
    });
  });

  test("posts the fields of the profile chosen", async () => {
    const { posted } = openPage();
    fireEvent.click(radio("Large"));
    fireEvent.change(screen.getByRole("combobox", { name: "Zone" }), { target: { value: "west" } });
    fireEvent.click(radio("Plain"));
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(posted()).toEqual({ profile: "large", "profile-option-large--zone": "west", "profile-option-large--image": "plain" });
    });
  });

  test("a saved environment posts its image and where it is from", async () => {
    const { posted } = openPage();
    fireEvent.click(await screen.findByRole("radio", { name: "Wave tank" }));
    fireEvent.input(screen.getByRole("textbox", { name: /Path to open/ }), { target: { value: "a.ipynb" } });
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(posted()).toMatchObject({
        profile: "small",
        "profile-option-small--image": "--extra-selectable-item",
        "profile-option-small--image--unlisted-choice": "hubkiln/lab/waves@sha256:e1",
        "profile-option-small--image--unlisted-choice--repo": "lab/waves",
        "hubkiln-open": "a.ipynb",
      });
    });
  });

  test("a typed image is checked against the admin's rule before it is posted", async () => {
    const { posted } = openPage();
    fireEvent.click(radio("Any image"));
    const field = screen.getByRole("textbox", { name: "Image" });
    fireEvent.input(field, { target: { value: "untagged" } });
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(field.getAttribute("aria-invalid")).toBe("true");
    });
    expect(screen.getByText(/Give the image with its tag/)).toBeTruthy();
    expect(document.activeElement).toBe(field);
    expect(posted()).toBeNull();
    fireEvent.input(field, { target: { value: " org/image:1 " } });
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(posted()).toMatchObject({ "profile-option-small--image--unlisted-choice": "org/image:1" });
    });
  });

  test("what the registry tells of a typed image is said, and stands in nobody's way", async () => {
    const { posted } = openPage();
    fireEvent.click(radio("Any image"));
    const type = (value: string) => fireEvent.input(screen.getByRole("textbox", { name: "Image" }), { target: { value } });
    type("org/notebook:1");
    await screen.findByText(/^1,230 MB to fetch, linux\/amd64, made .* ago\. JupyterHub is in its description\.$/);
    type("org/gone:1");
    await screen.findByText("There is no image org/gone:1. Check its tag.");
    type("debian:13");
    await screen.findByText(/Nothing in its description speaks of Jupyter/);
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(posted()).toMatchObject({ "profile-option-small--image--unlisted-choice": "debian:13" });
    });
  });

  test("typed images that cannot run here say so and why", async () => {
    const hub = new FakeHub();
    hub.engine = { ...engine, typed_images: { works: false, reason: "There is no container engine." } };
    openPage({}, hub);
    const reason = await screen.findByText(/There is no container engine/);
    expect(radio("Any image").disabled).toBe(true);
    expect(radio("Any image").getAttribute("aria-describedby")).toBe(reason.id);
  });

  test("what servers run in is the hub's to say, not the build service's machine", async () => {
    const hub = new FakeHub();
    hub.engine = { ...engine, typed_images: { works: false, reason: "There is no container engine." }, pushes: false };
    openPage({ engine: { ...engine, engine: "KubeSpawner" } }, hub);
    const reason = await screen.findByText(/stays on the build service's machine/);
    expect(radio("Repository").disabled).toBe(true);
    expect(radio("Repository").getAttribute("aria-describedby")).toBe(reason.id);
    expect(radio("Any image").disabled).toBe(false);
  });

  test("opens with what was chosen last time", async () => {
    openPage({ chosen: { profile: "large", zone: "east", image: "plain" } });
    expect(radio("Large").checked).toBe(true);
    expect(screen.getByRole<HTMLSelectElement>("combobox", { name: "Zone" }).value).toBe("east");
    expect(radio("Plain").checked).toBe(true);
    await screen.findByRole("radio", { name: "Wave tank" });
    expect(radio("Plain").checked).toBe(true);
  });

  test("the environment built last time is found among the saved ones", async () => {
    const image = "hubkiln/lab/waves@sha256:e1";
    openPage({ chosen: { profile: "small", image: "--extra-selectable-item", "image--unlisted-choice": image, "image--unlisted-choice--repo": "lab/waves" } });
    expect((await screen.findByRole<HTMLInputElement>("radio", { name: "Wave tank" })).checked).toBe(true);
  });

  test("a link fills the form in, says so, and the user starts it", async () => {
    const { posted } = openPage({ linked: true, chosen: { profile: "large", zone: "west", "image--unlisted-choice": "org/image:1" } });
    expect(screen.getByText("A link filled this form in.")).toBeTruthy();
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Image" }).value).toBe("org/image:1");
    await screen.findByRole("radio", { name: "Listed" });
    expect(posted()).toBeNull();
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(posted()).toMatchObject({ profile: "large", "profile-option-large--zone": "west", "profile-option-large--image--unlisted-choice": "org/image:1" });
    });
  });

  test("a link with a repository waits for the button before anything is built", async () => {
    const { hub } = openPage({ linked: true, chosen: { profile: "small", "image--unlisted-choice--repo": "lab/waves", "image--unlisted-choice--ref": "v2" } });
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Repository" }).value).toBe("lab/waves");
    expect(hub.requests).toEqual([]);
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(hub.requests).toEqual([expect.objectContaining({ spec: "lab/waves", ref: "v2" })]);
    });
  });

  test("what this tab watched before does not stand in front of a link", () => {
    window.sessionStorage.setItem("hubkiln-watching", JSON.stringify({ build: "b1", asked: true, sent: false, choice: { typed: "other/image:2" } }));
    openPage({ linked: true, chosen: { profile: "small", "image--unlisted-choice": "org/image:1" } });
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Image" }).value).toBe("org/image:1");
  });

  test("a refused attempt says why", () => {
    openPage({ problem: "That image is not allowed here." });
    expect(screen.getByRole("alert").textContent).toContain("That image is not allowed here.");
  });

  test("Enter in a field does what the button does", async () => {
    const { form, hub } = openPage();
    fireEvent.click(radio("Repository"));
    fireEvent.input(screen.getByRole("textbox", { name: "Repository" }), { target: { value: "lab/waves" } });
    form.requestSubmit(screen.getByText<HTMLButtonElement>("The hub's own"));
    await waitFor(() => {
      expect(hub.requests).toEqual([expect.objectContaining({ spec: "lab/waves" })]);
    });
  });

  test("a service that does not answer is said, and listed environments still start", async () => {
    const hub = new FakeHub();
    hub.down = true;
    const { posted } = openPage({}, hub);
    expect((await screen.findByRole("alert")).textContent).toContain("The hub does not answer.");
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(posted()).toMatchObject({ "profile-option-small--image": "scipy" });
    });
  });

  test("a hub without profiles has just the button", async () => {
    const { posted, hub } = openPage({ profiles: [] });
    fireEvent.click(theButton());
    await waitFor(() => {
      expect(posted()).toEqual({});
    });
    expect(hub.asked.slice(0, 2)).toEqual(["GET /hub/api/user?_xsrf=x-1", "POST "]);
  });
});

describe("saved environments", () => {
  test("beyond fifty are found by words, and one that is chosen stays", async () => {
    const hub = new FakeHub();
    const [like] = hub.environments;
    if (!like) throw new Error("no sample");
    hub.environments = Array.from({ length: 120 }, (_, n) => ({ ...like, id: `n${String(n)}`, name: `tank ${String(n)}` }));
    openPage({ environment: "n110" }, hub);
    // By their values: names of so many are slow to find out.
    const cards = () => [...document.querySelectorAll<HTMLInputElement>("input[value^='saved:']")];
    await waitFor(() => { expect(cards()).toHaveLength(51); });
    expect(cards().filter(({ checked }) => checked).map(({ value }) => value)).toEqual(["saved:n110"]);
    fireEvent.input(screen.getByLabelText(/^Find among/), { target: { value: "tank 99" } });
    await waitFor(() => { expect(cards().map(({ value }) => value).sort()).toEqual(["saved:n110", "saved:n99"]); });
    fireEvent.click(radio("tank 99"));
    expect(radio("tank 99").checked).toBe(true);
  });

  test("of the same name are told apart by host, and a package list has no commit", async () => {
    const hub = new FakeHub();
    const [one] = hub.environments;
    if (!one) throw new Error("no environment");
    const from = (id: string, provider: string, repository: string) => ({ ...one, id, name: "Waves", spec: { ...one.spec, provider, repository } });
    hub.environments = [from("1", "gh", "lab/waves"), from("2", "gl", "lab/waves"), from("3", "git", "https://example.org/lab/waves"), from("4", "inline", "waves")];
    openPage({}, hub);
    const cards = await screen.findAllByRole("radio", { name: "Waves" });
    const told = cards.map((card) => document.getElementById(card.getAttribute("aria-describedby") ?? "")?.textContent ?? "");
    expect(told[0]).toMatch(/GitHub · commit 0123456/);
    expect(told[1]).toMatch(/GitLab/);
    expect(told[2]).toMatch(/example\.org/);
    expect(told[3]).toMatch(/package list/);
    expect(told[3]).not.toMatch(/commit/);
  });

  test("can be renamed", async () => {
    const { hub } = openPage();
    fireEvent.click(await screen.findByRole("button", { name: "Manage Wave tank" }));
    fireEvent.click(screen.getByRole("button", { name: "Rename" }));
    fireEvent.input(screen.getByRole("textbox", { name: "New name" }), { target: { value: "Flume" } });
    fireEvent.click(screen.getByRole("button", { name: "Save name" }));
    expect(await screen.findByRole("radio", { name: "Flume" })).toBeTruthy();
    expect(hub.environments[0]?.name).toBe("Flume");
  });

  test("can be forgotten, after a question", async () => {
    const { hub } = openPage();
    fireEvent.click(await screen.findByRole("button", { name: "Manage Wave tank" }));
    fireEvent.click(screen.getByRole("button", { name: "Forget" }));
    expect(hub.environments).toHaveLength(2);
    fireEvent.click(screen.getByRole("button", { name: "Forget it" }));
    await waitFor(() => {
      expect(screen.queryByRole("radio", { name: "Wave tank" })).toBeNull();
    });
    expect(hub.environments).toHaveLength(1);
    const said = await screen.findByText("Forgotten: Wave tank");
    await waitFor(() => {
      expect(document.activeElement).toBe(said.closest("[role=status]"));
    });
  });

  test("of others cannot be managed", async () => {
    openPage();
    await screen.findByRole("radio", { name: "lab/course" });
    expect(screen.queryByRole("button", { name: "Manage lab/course" })).toBeNull();
  });
});
