/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { licences } from "./licences.ts";

/** Where `npm run dev` finds the control surface: the stand-in of a running `parlance dev`, or the mock. */
const SIMULATOR = process.env["SIMULATOR"] ?? "http://127.0.0.1:8082";

export default defineConfig({
  plugins: [react(), licences()],
  build: {
    target: ["chrome125", "firefox128", "safari18"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "vendor", test: /node_modules/ }] } },
    },
  },
  server: {
    proxy: {
      "/_sim": {
        target: SIMULATOR,
        changeOrigin: true,
        // The stand-in takes orders of its own pages only.
        configure: (proxy) => proxy.on("proxyReq", (request) => request.removeHeader("origin")),
      },
    },
  },
  test: { include: ["tests/unit/**/*.test.ts"], environment: "node" },
});
