// Whoever speaks to the page says the words that stand on a control, so its name has them (WCAG 2.5.3).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { CATALOGUES } from "../../words.js";
import type { Words } from "../lib/language";
import { isNamed, misnamed } from "../testing/named";

const SOURCE = join(import.meta.dirname, "..");

interface Control {
  at: string;
  /** What it is called for those who do not see it. */
  names: string[];
  /** What stands on it, or in it as long as nothing is typed. */
  words: string[];
}

/** Every control of the page's code that is called something else than what stands on it. */
function controls(): Control[] {
  const found: Control[] = [];
  for (const name of readdirSync(SOURCE, { recursive: true, encoding: "utf8" })) {
    if (!/^(?:app|features)\/.*(?<!\.test)\.tsx$/.test(name)) continue;
    const file = ts.createSourceFile(name, readFileSync(join(SOURCE, name), "utf8"), ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node) => {
      const control = ts.isJsxElement(node) ? pairOf(node.openingElement, node.children) : ts.isJsxSelfClosingElement(node) ? pairOf(node, []) : null;
      if (control) found.push({ at: `${name}: ${control.names.join(" / ")}`, ...control });
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}

function pairOf(tag: ts.JsxOpeningLikeElement, children: readonly ts.Node[]): Omit<Control, "at"> | null {
  const kind = tag.tagName.getText();
  if (!/^(?:Button|button|a|input|summary)$/.test(kind)) return null;
  const attribute = (name: string) => tag.attributes.properties.find((one) => ts.isJsxAttribute(one) && one.name.getText() === name);
  const name = attribute(kind === "Button" ? "label" : "aria-label");
  if (!name) return null;
  return { names: textsIn(name), words: textsIn(...children, ...[attribute("placeholder")].filter((one) => one !== undefined)) };
}

/** What `t` and `tn` are given; of anything else that may be shown, its code, which no name can contain. */
function textsIn(...nodes: readonly ts.Node[]): string[] {
  return nodes.flatMap((node): string[] => {
    if (ts.isCallExpression(node) && /^tn?$/.test(node.expression.getText())) return node.arguments.filter(ts.isStringLiteralLike).map(({ text }) => text);
    if (ts.isJsxElement(node) && /aria-hidden="true"/.test(node.openingElement.getText())) return [];
    if (ts.isJsxExpression(node) && node.expression && ts.isIdentifier(node.expression)) return [node.getText()];
    const inside: ts.Node[] = [];
    ts.forEachChild(node, (child) => { inside.push(child); });
    return textsIn(...inside);
  });
}

test.each(["en", "de", "fr"])("every control's name has the words that stand on it: %s", (tag) => {
  const { page } = JSON.parse(readFileSync(join(CATALOGUES, `${tag}.json`), "utf8")) as Words;
  const said = (text: string): string[] => {
    const entry = page[text] ?? text;
    return typeof entry === "string" ? [entry] : Object.values(entry);
  };
  const all = controls();
  expect(all.length).toBeGreaterThan(25);
  const wrong = all.flatMap(({ at, names, words }) =>
    names.length ? words.flatMap(said).flatMap((word) => names.flatMap(said).filter((name) => !isNamed(name, word)).map((name) => `${at}: “${name}” lacks “${word}”`)) : [`${at}nothing is known of its name`],
  );
  expect(wrong).toEqual([]);
});

test("the page itself is looked at behind every test: a control that is called something else is found", () => {
  document.body.innerHTML = `<button aria-label="Stop it"><i aria-hidden="true">x</i> Halt</button> <a href="#" aria-label="Open lab/waves">Open</a>
    <input aria-label="Find a package" placeholder="Name"> <label><input type="radio" aria-label="Small"><span class="hk-card-title">Large</span></label>`;
  expect(misnamed(document.body)).toEqual(["“Stop it” lacks “Halt”", "“Find a package” lacks “Name”", "“Small” lacks “Large”"]);
  document.body.replaceChildren();
});
