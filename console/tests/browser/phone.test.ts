// The phone page against the real engine.
import { accessible, latest, noOverflow, open, write } from "./page.ts";
import { business, expect, test } from "./parlance.ts";

const SIZES = {
  type: "interactive",
  interactive: {
    type: "list",
    body: { text: "Pick a *size*" },
    action: {
      button: "Sizes",
      sections: [
        {
          title: "Pizza",
          rows: [
            { id: "s", title: "Small", description: "9 inch" },
            { id: "l", title: "Large" },
          ],
        },
        { title: "Drinks", rows: [{ id: "w", title: "Water" }] },
      ],
    },
  },
};

test("says hi and taps a button, and the ticks move", async ({ page, phone }) => {
  await open(page, phone);
  await write(page, "hi");
  await expect(page.locator(".row-out .ticks").last()).toHaveAttribute("aria-label", /delivered|read/);
  const button = latest(page).locator(".choices button").first();
  const title = await button.innerText();
  await button.click();
  await expect(page.locator(".row-out").last()).toContainText(title);
  await expect(page.locator("#text")).toBeFocused();
});

test("a list opens as a sheet, and the chosen row is the answer", async ({ page, phone, dev }) => {
  await open(page, phone);
  await write(page, "hi");
  await expect(latest(page)).toBeVisible();
  await business(dev.url, phone, SIZES);
  await expect(page.locator(".row-in strong", { hasText: "size" })).toBeVisible();
  const sheet = page.getByRole("dialog", { name: "Sizes" });
  await page.getByRole("button", { name: "Sizes" }).click();
  await expect(sheet.getByRole("heading", { name: "Drinks" })).toBeVisible();
  await accessible(page);
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
  await page.getByRole("button", { name: "Sizes" }).click();
  await sheet.getByRole("button", { name: /Small/ }).click();
  await expect(page.locator(".row-out").last()).toContainText("Small");
  await expect(page.locator(".row-out").last().locator(".quote")).toContainText("Pick a");
});

test("each phone has its own conversation, chosen by tab and by arrow keys", async ({ page, phone }) => {
  await open(page, phone);
  await write(page, "only here");
  const other = (phone % 9) + 1;
  await page.getByRole("tab", { name: `Phone ${phone}`, exact: true }).focus();
  await page.keyboard.press(phone === 9 ? "Home" : "ArrowRight");
  if (phone === 9) await page.getByRole("tab", { name: "Phone 1", exact: true }).click();
  await expect(page.getByRole("tab", { name: `Phone ${other}`, exact: true })).toHaveAttribute("aria-selected", "true");
  await expect(page).toHaveURL(new RegExp(`phone=${other}`));
  await expect(page.getByText("only here")).toHaveCount(0);
});

test("attaches, answers, reacts, edits and deletes", async ({ page, phone }) => {
  await open(page, phone);
  const attach = async (name: string | RegExp) => {
    await page.getByRole("button", { name: "Attach" }).click();
    await page.getByRole("dialog", { name: "Send" }).getByRole("button", { name }).click();
  };
  await attach(/^Photo/);
  await expect(page.locator(".row-out img.image")).toBeVisible();
  await attach(/^Location/);
  await expect(page.locator(".row-out").last()).toContainText("Leeds");
  await write(page, "frist");
  const mine = page.locator(".row-out", { hasText: "frist" });
  const menu = page.getByRole("dialog", { name: "This message" });
  await mine.getByRole("button", { name: "Answer, react and more" }).click();
  await menu.getByRole("button", { name: /^Edit/ }).click();
  await expect(page.locator("#text")).toHaveValue("frist");
  await page.locator("#text").fill("first");
  await page.keyboard.press("Enter");
  const edited = page.locator(".row-out", { hasText: "first" }).first();
  await edited.getByRole("button", { name: "Answer, react and more" }).click();
  await menu.getByRole("button", { name: /^Answer/ }).click();
  await expect(page.locator(".quoting")).toContainText("first");
  await write(page, "second");
  await expect(page.locator(".quoting")).toBeHidden();
  await expect(page.locator(".row-out").last().locator(".quote")).toContainText("first");
  await edited.getByRole("button", { name: "Answer, react and more" }).click();
  await menu.getByRole("button", { name: /React 👍/ }).click();
  await expect(page.locator(".row-out .emoji")).toContainText("👍");
});

test.describe("refusals", () => {
  test.use({ provoked: [/status of 400/] });
  test("a refusal of the control surface is said", async ({ page, phone }) => {
    await open(page, phone);
    await page.locator(".drawer summary").click();
    await page.locator("#rules").fill('{ "rules": [{ "on": "nothing" }] }');
    const refused = page.waitForResponse((answer) => answer.status() === 400);
    await page.getByRole("button", { name: "Apply" }).click();
    await refused;
    await expect(page.getByRole("alert")).toContainText(/nothing/);
  });
});

test("trouble is switched on and off, the clock moves, the log shows calls", async ({ page, phone }) => {
  await open(page, phone);
  const slow = page.getByRole("checkbox", { name: /Webhooks doubled/ });
  await slow.check();
  await expect(slow).toBeChecked();
  await page.getByRole("button", { name: "End all trouble" }).click();
  await expect(slow).not.toBeChecked();
  await write(page, "hi");
  await expect(latest(page)).toBeVisible();
  await page.getByRole("tab", { name: "Log" }).click();
  await expect(page.locator(".log summary").first()).toContainText("messages");
  await page.getByRole("button", { name: "Webhooks" }).click();
  await expect(page.locator(".log summary").first()).toBeVisible();
  await page.getByRole("tab", { name: "Clock" }).click();
  await expect(page.locator(".clock time")).not.toHaveText("");
  await page.getByRole("button", { name: "This phone" }).click();
  await expect(page.getByText("Nothing said yet")).toBeVisible();
});

for (const width of [320, 375, 1280]) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const lang of ["en", "ar"]) {
      test.describe(`at ${width} px, ${colorScheme}, ${lang}`, () => {
        test.use({ viewport: { width, height: 720 }, colorScheme });
        test("nothing overflows, and everybody can use it", async ({ page, phone, dev }, info) => {
          await open(page, phone, `&lang=${lang}`);
          await write(page, "hi");
          await expect(latest(page).locator(".choices")).toBeVisible();
          await business(dev.url, phone, SIZES);
          await expect(page.getByText("Sizes")).toBeVisible();
          await noOverflow(page);
          await accessible(page);
          await page.screenshot({ path: info.outputPath(`phone-${width}-${colorScheme}-${lang}.png`) });
          if (width < 900) await page.locator(".tools-open").click();
          await noOverflow(page);
          await accessible(page);
          if (width < 900) {
            await page.keyboard.press("Escape");
            await expect(page.locator(".tools-open")).toBeFocused();
          }
        });
      });
    }
  }
}
