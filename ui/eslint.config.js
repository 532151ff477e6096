// Style is left to the editor; this checks what can be wrong, and which folder may import which.
import tseslint from "typescript-eslint";
import { inCatalogue } from "./words.js";

/** Files under `folder` may not import from any of `others`. */
const keepOut = (folder, others) => ({
  files: [`src/${folder}/**`],
  ignores: ["**/*.test.ts", "**/*.test.tsx"],
  rules: {
    "no-restricted-imports": [
      "error",
      { patterns: others.map((other) => ({ group: [other], message: `${folder} may not import ${other}` })) },
    ],
  },
});

const FEATURES = ["choose", "build", "start", "environments", "links", "manage"];

export default tseslint.config(
  { ignores: ["node_modules/**", "shots/**", "src/lib/openapi.ts"] },
  ...tseslint.configs.strict,
  {
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "max-lines-per-function": ["error", { max: 60, skipComments: true, skipBlankLines: true }],
      "max-lines": ["error", { max: 250 }],
      eqeqeq: "error",
    },
  },
  {
    files: ["src/**"],
    ignores: ["**/*.test.ts", "**/*.test.tsx", "src/testing/**"],
    plugins: { words: { rules: { "in-catalogue": inCatalogue } } },
    rules: { "words/in-catalogue": "error" },
  },
  { files: ["**/*.test.ts", "**/*.test.tsx"], rules: { "max-lines-per-function": "off" } },
  ...FEATURES.map((feature) =>
    keepOut(`features/${feature}`, [
      "**/app/**",
      "**/testing/**",
      ...FEATURES.filter((other) => other !== feature).flatMap((other) => [`../${other}/**`, `**/features/${other}/**`]),
    ]),
  ),
  keepOut("components", ["**/features/**", "**/app/**", "**/testing/**"]),
  keepOut("lib", ["**/features/**", "**/app/**", "**/components/**", "**/testing/**"]),
  keepOut("app", ["**/testing/**"]),
);
