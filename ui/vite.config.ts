// Makes one script and one style sheet with fixed names, which the hub's page names in its HTML.
import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "./",
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    outDir: "../src/hubkiln/hub/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    rollupOptions: {
      input: "src/app/main.tsx",
      output: {
        entryFileNames: "spawn.js",
        assetFileNames: "spawn.[ext]",
        inlineDynamicImports: true,
      },
    },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    testTimeout: 20_000,
    setupFiles: ["src/testing/setup.ts"],
  },
});
