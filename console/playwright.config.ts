import { defineConfig } from "@playwright/test";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** Chromium refuses its sandbox to root, as in containers of continuous integration. */
const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];

export default defineConfig({
  testDir: "tests/browser",
  outputDir: "results/browser",
  workers: 2,
  fullyParallel: true,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["json", { outputFile: "results/browser.json" }]],
  use: { browserName: "chromium", launchOptions: { executablePath, args }, locale: "en-GB", timezoneId: "UTC" },
});
