// Makes a script for each page and one style sheet, with fixed names, which the hub's pages name in their HTML.
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
      input: { spawn: "src/app/main.tsx", environments: "src/app/environments-main.tsx" },
      output: {
        entryFileNames: "[name].js",
        // What entries share, and what is loaded when it is wanted; the name changes with the content.
        chunkFileNames: "part-[name]-[hash].js",
        assetFileNames: "spawn.[ext]",
      },
    },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    testTimeout: 90_000, // seconds of work, on machines that have much else to do
    setupFiles: ["src/testing/setup.ts"],
  },
});
