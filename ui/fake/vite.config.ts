// `npm run dev`: the page alone, on a hub and a build service that are played.
import { defineConfig } from "vite";
import { fakeHub } from "./plugin";

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  plugins: [fakeHub()],
  server: { host: "127.0.0.1", port: Number(process.env["PORT"] ?? 5173), strictPort: true },
  appType: "custom",
});
