import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { render, screen } from "@testing-library/preact";
import { useLayoutEffect } from "preact/hooks";
import { afterEach, expect, it } from "vitest";
import { ProblemNotice } from "../components/notice";
import { TextField } from "../components/text-field";
import { CATALOGUES, pageWords } from "../../words.js";
import { number, SERVICE_WORDS, speak, t, tn, type Words } from "./language";
import { told } from "./said";
import { ago, duration } from "./time";

const catalogue = (tag: string): Words => ({ ...(JSON.parse(readFileSync(join(CATALOGUES, `${tag}.json`), "utf8")) as Words), language: tag });

afterEach(() => {
  speak();
});

it("has every word of the page in the catalogue, and no other", () => {
  expect(pageWords()).toEqual(catalogue("en").page);
});

it("speaks each language without a change of what is English", () => {
  for (const file of readdirSync(CATALOGUES)) {
    const words = catalogue(file.replace(".json", ""));
    speak(words);
    for (const [english, entry] of Object.entries(words.page)) {
      if (typeof entry === "string") expect(t(english)).toBe(entry);
      else for (const count of [0, 1, 2, 5, 1_000_000]) expect(tn(count, "", english, { at: 1, python: "3" })).not.toMatch(/\{/);
    }
  }
});

it("counts as the language does", () => {
  const lines = (count: number) => tn(count, "About {n} earlier line", "About {n} earlier lines");
  expect([lines(1), lines(2)]).toEqual(["About 1 earlier line", "About 2 earlier lines"]);
  speak(catalogue("de"));
  expect([lines(1), lines(90_000)]).toEqual(["Etwa 1 frühere Zeile", "Etwa 90.000 frühere Zeilen"]);
  speak(catalogue("fr"));
  expect([lines(0), lines(2)]).toEqual(["Environ 0 ligne précédente", "Environ 2 lignes précédentes"]);
});

it("writes numbers and times as the language does", () => {
  speak(catalogue("de"));
  expect(number(1234.5, 1)).toBe("1.234,5");
  expect(ago("2026-01-01T00:00:00Z", Date.parse("2026-01-04T00:00:00Z"))).toBe("vor 3 Tagen");
  expect(duration(80)).toBe("1 min 20 s");
});

it("says what the service says, with what varies in its place", () => {
  speak(catalogue("de"));
  const of = (text: string) => told(text).text;
  expect(of("There is no package named nunpy in the package index.")).toBe("Im Paketindex gibt es kein Paket namens nunpy.");
  expect(of("https://host/$&/a.git has no branch or tag named `x`.")).toBe("https://host/$&/a.git hat keinen Branch oder Tag namens `x`.");
  expect(of("`apt.txt` needs repo2docker with a container engine")).toBe("`apt.txt` braucht repo2docker mit einer Container-Engine");
  expect(of("Check the address. Choose another image.")).toBe("Prüfen Sie die Adresse. Wählen Sie ein anderes Image.");
  expect(of("You may not build here: It is exam week. Ask Bob.")).toBe("Sie dürfen hier nicht bauen: It is exam week. Ask Bob."); // what an admin wrote stays as it is
  expect(of("An admin's turn: Check the address.")).toBe("Die Verwaltung ist dran: Prüfen Sie die Adresse.");
  expect(told("Check the address. Nobody has translated this.").foreign).toBe(true); // never half of it
  expect(told("Nobody has translated this.")).toEqual({ text: "Nobody has translated this.", foreign: true });
});

it("leaves what nobody has translated English, says so to screen readers, and what kind of trouble it is", () => {
  speak(catalogue("fr"));
  const page = render(<ProblemNotice problem={{ code: "lock_failed", message: "Something `odd`.", hint: "Check its spelling." }} />);
  expect(page.getByText("Les paquets demandés ne peuvent pas être réunis.")).toBeTruthy();
  expect(page.getByText("odd").closest("[lang]")?.getAttribute("lang")).toBe("en");
  expect(page.getByText("Vérifiez l’orthographe.").closest("[lang]")).toBeNull();
});

it("says in the reader's language what was said before the service's sentences came", async () => {
  const { service, ...words } = catalogue("de");
  const own = { ...words, service: {} };
  speak(own);
  let before = "";
  const Come = () => {
    useLayoutEffect(() => {
      before = screen.getByText("Correct it.").closest("[lang]")?.getAttribute("lang") ?? "";
      Object.assign(own, { service });
      window.dispatchEvent(new Event(SERVICE_WORDS)); // at once, as their script runs right behind the page's own
    }, []);
    return null;
  };
  render(<div><ProblemNotice problem={{ code: "bad_spec", message: "Check the address.", hint: "Correct it." }} /><Come /></div>);
  expect((await screen.findByText("Berichtigen Sie das.")).closest("[lang]")).toBeNull();
  expect(screen.getByRole("alert").textContent).toBe("Prüfen Sie die Adresse.Berichtigen Sie das.");
  expect(before).toBe("en");
});

it.each([
  ["a field's complaint", { code: "bad_spec", message: "Something odd.", hint: "Correct it." }, ["Something odd.", "Berichtigen Sie das."]],
  ["a problem of the page's own", { code: "page", message: "Etwas ist seltsam.", hint: "", own: true as const }, ["", "Etwas ist seltsam."]],
])("marks as English no more than what stayed so: %s", (_, complaint, [english = "", german = ""]) => {
  speak(catalogue("de"));
  const page = render(<TextField id="x" label="x" value="" onInput={() => undefined} complaint={complaint} />);
  const marked = page.container.querySelector(".hk-complaint [lang=en]");
  expect(marked?.textContent ?? "").toBe(english);
  expect(page.container.querySelector(".hk-complaint")?.textContent).toContain(german);
});

it("takes what the page itself says for what it is", () => {
  speak(catalogue("de"));
  expect(told(t("The link is damaged: what it asks for cannot be read.")).foreign).toBe(false);
  const page = render(<ProblemNotice problem={{ code: "unreachable", message: t("{what} does not answer.", { what: t("The hub") }), hint: "", own: true }} />);
  expect(page.getByText("Der Hub antwortet nicht.").closest("[lang]")).toBeNull();
});
