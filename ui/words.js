// Which English words the page's code has, and which of what it shows is not in the catalogue: `npm run words`.
//
// A word is in the catalogue by being given to `t`, `tn` or `word` of lib/language.ts. Whatever else looks like words for
// people is reported by the ESLint rule below. The catalogues lie with the hub's code, which sends them.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const HERE = dirname(fileURLToPath(import.meta.url));

export const CATALOGUES = join(HERE, "../src/hubkiln/hub/words");

const SOURCE = join(HERE, "src");

const MARKS = ["t", "tn", "word"];

/** All entries of the page, as English has them: sentences, or plural forms by the text that catalogues know them by. */
export function pageWords() {
  const found = {};
  for (const name of readdirSync(SOURCE, { recursive: true })) {
    if (!/\.tsx?$/.test(name) || name.includes(".test.") || name.startsWith("testing")) continue;
    const path = join(SOURCE, name);
    const visit = (node) => {
      if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) Object.assign(found, entryOf(node));
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true));
  }
  return Object.fromEntries(Object.entries(found).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function entryOf({ expression, arguments: given }) {
  const texts = given.filter(ts.isStringLiteralLike).map(({ text }) => text);
  if (!MARKS.includes(expression.text) || !texts.length) return {};
  return expression.text === "tn" ? { [texts[1]]: { one: texts[0], other: texts[1] } } : { [texts[0]]: texts[0] };
}

/** The names in a sentence that something is put in the place of. */
export const placesOf = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

/** Attributes that are read to people, and properties of ours that hold such words. */
const SPOKEN = /^(?:label|title|hint|message|placeholder|alt|text|aria-label|aria-description|complaint)$/;

/** Addresses and paths are no words. */
const isWords = (text) => /\p{L}{2}/u.test(text) && !/^\S+[/.]\S*$/.test(text.trim());

/** ESLint's rule: words that people read are looked up in the catalogue. */
export const inCatalogue = {
  meta: { type: "problem", messages: { outside: "Give these words to `t`, `tn` or `word`: {{text}}" }, schema: [] },
  create(context) {
    const report = (node, text) => {
      if (isWords(text)) context.report({ node, messageId: "outside", data: { text: text.trim() } });
    };
    const literal = (node) => {
      if (!node) return;
      if (node.type === "Literal" && typeof node.value === "string") report(node, node.value);
      if (node.type === "TemplateLiteral") for (const part of node.quasis) report(node, part.value.cooked);
      if (node.type === "ConditionalExpression") [node.consequent, node.alternate].forEach(literal);
      if (node.type === "LogicalExpression") literal(node.right);
      if (node.type === "JSXExpressionContainer") literal(node.expression);
    };
    return {
      JSXText: (node) => {
        report(node, node.value);
      },
      JSXElement: (node) => {
        node.children.filter(({ type }) => type === "JSXExpressionContainer").forEach(literal);
      },
      JSXFragment: (node) => {
        node.children.filter(({ type }) => type === "JSXExpressionContainer").forEach(literal);
      },
      JSXAttribute: (node) => {
        if (SPOKEN.test(node.name.name)) literal(node.value);
      },
      Property: (node) => {
        if (!node.computed && SPOKEN.test(node.key.name ?? node.key.value)) literal(node.value);
      },
      ArrayExpression: (node) => {
        for (const one of node.elements) if (one?.type === "Literal" && /^\p{Lu}\p{Ll}+/u.test(String(one.value))) literal(one);
      },
      CallExpression: (node) => {
        if (/^(?:say|useTitle)$/.test(node.callee.name ?? "")) node.arguments.forEach(literal);
      },
      ReturnStatement: (node) => {
        // A sentence: words with a space between, and a capital letter or a full stop.
        const text = node.argument?.type === "Literal" ? String(node.argument.value) : "";
        if (/\p{L} \p{L}/u.test(text) && /^\p{Lu}|[.…!?]$/u.test(text)) report(node.argument, text);
      },
    };
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(CATALOGUES, "en.json");
  const before = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, `${JSON.stringify({ ...before, page: pageWords() }, null, 2)}\n`);
}
