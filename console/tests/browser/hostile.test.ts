// What people and businesses write is text, whatever it looks like. Console errors, such as those of the content security
// policy, fail every test by themselves.
import type { Page } from "@playwright/test";
import { latest, open, write } from "./page.ts";
import { business, expect, test } from "./parlance.ts";

/** Each calls `C` where it is taken for markup, script or a template; short enough for the title of a row. */
const SHORT = [
  "<img src=x onerror=C()>",
  "<svg onload=C()>",
  "<script>C()</script>",
  '"><svg onload=C()>',
  "'><svg onload=C()>",
  "javascript:C()",
  "{{C()}}${C()}",
  "<a href=javascript:C()>",
  "</p><svg onload=C()>",
  "&lt;svg onload=C()&gt;",
];
const LONG = [
  ...SHORT,
  "*<img src=x onerror=C()>* _<svg onload=C()>_ ~<b onclick=C()>b</b>~",
  "```<script>C()</script>``` `<svg onload=C()>`",
  '<iframe srcdoc="<script>parent.C()</script>"></iframe>',
  "<details open ontoggle=C()><summary>open</summary></details>",
  "<input autofocus onfocus=C()><video><source onerror=C()></video>",
  "<math><mtext><table><mglyph><style><img src=x onerror=C()>",
  "data:text/html,<script>C()</script>",
  "<style>@import 'data:,*{x:C()}'</style><link rel=stylesheet href=data:,>",
  "\u202e<svg onload=C()>\u202c",
  "<form action=javascript:C()><button>send</button></form>",
];

function list(at: number): Record<string, unknown> {
  const rows = SHORT.map((title, row) => ({
    id: `r${row}`,
    title,
    description: LONG[(row + at) % LONG.length]?.slice(0, 72),
  }));
  const pick = (place: number, most: number): string => (SHORT[(at + place) % SHORT.length] ?? "").slice(0, most);
  return {
    type: "interactive",
    interactive: {
      type: "list",
      header: { type: "text", text: pick(0, 60) },
      body: { text: LONG.slice(at * 10, at * 10 + 10).join("\n") },
      footer: { text: pick(1, 60) },
      action: { button: `Rows ${at}`, sections: [{ title: pick(2, 24), rows }] },
    },
  };
}

async function hits(page: Page): Promise<unknown> {
  return page.evaluate(() => (window as unknown as { hits: number }).hits);
}

test("f112 what looks like markup, script or a template is text wherever it stands", async ({ page, phone, dev }) => {
  await page.addInitScript(() => {
    const counting = { hits: 0, C: () => (counting.hits += 1) };
    Object.defineProperty(window, "hits", { get: () => counting.hits });
    Object.assign(window, { C: counting.C });
  });
  await open(page, phone);
  for (const text of SHORT) await write(page, text);
  // Without the marks of WhatsApp's formatting, which are not shown.
  for (const text of LONG.slice(SHORT.length)) await write(page, text.replace(/[*_~`]/g, ""));
  for (const body of LONG) await business(dev.url, phone, { type: "text", text: { body } });
  await expect(latest(page)).toContainText("<form action=javascript:C()>");
  for (const at of [0, 1]) {
    await business(dev.url, phone, list(at));
    await page.getByRole("button", { name: `Rows ${at}` }).click();
    const sheet = page.getByRole("dialog", { name: `Rows ${at}` });
    for (const title of SHORT) await expect(sheet).toContainText(title);
    await sheet.getByRole("button", { name: "<script>C()</script>" }).first().click();
    await expect(page.locator(".row-out").last()).toContainText("<script>C()</script>");
  }
  const made =
    "[onerror], [onload], [onclick], [onfocus], [ontoggle], [srcdoc], a[href^='javascript:'], form[action^='javascript:']";
  expect(await page.locator(made).count()).toBe(0);
  expect(await hits(page), "how often something was run").toBe(0);
  await page.evaluate(() => (window as unknown as { C: () => number }).C());
  expect(await hits(page), "that it would have been counted").toBe(1);
});
