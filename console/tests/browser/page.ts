// What tests do with the page, in the words of a person.
import type { Locator, Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "./parlance.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function open(page: Page, phone: number, query = ""): Promise<void> {
  await page.goto(`/?phone=${phone}${query}`);
  await expect(page.getByRole("tab", { selected: true }).first()).toBeVisible();
  await expect(
    page.getByText(/Nothing said yet|لم يُقل شيء بعد/).or(page.locator(".row-in, .row-out").first()),
  ).toBeVisible();
}

export async function write(page: Page, text: string): Promise<void> {
  const field = page.locator("#text");
  await field.fill(text);
  await field.press("Enter");
  await expect(page.locator(".row-out").last()).toContainText(text);
}

/** The last message of the business. */
export function latest(page: Page): Locator {
  return page.locator(".row-in").last();
}

export async function noOverflow(page: Page): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(wide, "pixels that the page is wider than the window").toBeLessThanOrEqual(0);
}

interface Violation {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Accessibility as axe-core judges it. Animations are over first, for half-faded text has no contrast. */
export async function accessible(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const running = document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity);
    await Promise.allSettled(running.map((one) => one.finished));
  });
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const axe = (window as unknown as { axe: { run: () => Promise<{ violations: Violation[] }> } }).axe;
    return (await axe.run()).violations;
  });
  expect(
    violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`),
  ).toEqual([]);
}
