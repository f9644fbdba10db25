// The sample bot's form from the first word to the last: the real engine, its real endpoint, the real encryption.
import type { Locator, Page, TestInfo } from "@playwright/test";
import { accessible, latest, noOverflow, open, write } from "./page.ts";
import { expect, test } from "./parlance.ts";

test.use({ bot: "booking" });

/** The screen is on show; leaves a picture of it. */
async function on(form: Locator, title: string, page: Page, info: TestInfo): Promise<void> {
  await expect(form.locator("header h2")).toHaveText(title);
  await noOverflow(page);
  await accessible(page);
  await page.screenshot({ path: info.outputPath(`${title}.png`) });
}

for (const [width, colorScheme] of [
  [1280, "light"],
  [375, "dark"],
] as const) {
  test.describe(`at ${width} px`, () => {
    test.use({ viewport: { width, height: 760 }, colorScheme });
    test("a table is booked in a form, and the conversation goes on with the answers", async ({
      page,
      phone,
    }, info) => {
      await open(page, phone);
      await write(page, "book");
      await latest(page).getByRole("button", { name: "Book a table" }).click();
      const form = page.locator("dialog.flow");
      const next = (label: string) => form.locator(".flow-footer button", { hasText: label }).click();

      await on(form, "Book with us", page, info);
      await next("Choose a day");
      await expect(form.getByText("Please fill this in")).toBeVisible();
      await form.getByLabel("Restaurant").check();
      await next("Choose a day");

      await on(form, "Day", page, info);
      await expect(form.getByRole("heading", { name: "Restaurant" })).toBeVisible();
      const day = form.getByRole("radio").nth(1);
      await day.check();
      const chosen = await form.locator("label:has(:checked)").innerText();
      await next("Choose a time");

      await on(form, "Time", page, info);
      await form.getByRole("combobox", { name: "Time" }).selectOption("19:30");
      await form.locator(".flow-footer button").click();
      await expect(form.getByRole("alert")).toHaveText("Somebody was faster: 19:30 has just gone.");
      await expect(form.getByRole("option")).toHaveText(["Choose", "18:00", "21:00"]);
      await page.screenshot({ path: info.outputPath("gone.png") });
      await form.getByRole("button", { name: "Back" }).click();
      await expect(form.locator("header h2")).toHaveText("Day");
      await expect(form.getByRole("radio").nth(1)).toBeChecked();
      await next("Choose a time");
      await form.getByRole("combobox", { name: "Time" }).selectOption("21:00");
      await form.locator(".flow-footer button").click();

      await expect(form.getByLabel("Guests")).toBeVisible();
      await form.getByLabel("Name").fill("Ada");
      await form.getByLabel("Phone").fill("+44 7700 900123");
      await form.getByLabel("Guests").fill("20");
      await next("See the summary");
      await expect(form.locator(".flow-error")).toHaveText("From 1 to 12.");
      await expect(form.getByLabel("Name")).toHaveValue("Ada");
      await accessible(page);
      await page.screenshot({ path: info.outputPath("guests.png") });
      await form.getByLabel("Guests").fill("2");
      await next("See the summary");

      await expect(form.getByText(/Restaurant, .* at 21:00, for 2\. Ada, \+447700900123/)).toBeVisible();
      await form.getByLabel("Remind me the day before").check();
      await page.screenshot({ path: info.outputPath("summary.png") });
      await next("Book");

      await expect(form).toBeHidden();
      await expect(page.locator(".row-out").last()).toContainText("Response sent");
      await expect(latest(page)).toContainText(`Done, Ada! Restaurant, ${chosen} at 21:00, for 2.`);
      await expect(latest(page)).toContainText("We remind you the day before.");
      await accessible(page);
      await page.screenshot({ path: info.outputPath("booked.png") });
    });
  });
}

test("a form that is over says so when it is opened", async ({ page, phone }) => {
  await open(page, phone);
  await write(page, "book");
  const opener = latest(page).getByRole("button", { name: "Book a table" });
  await expect(opener).toBeVisible();
  await write(page, "start over");
  await expect(page.locator(".row-in")).toHaveCount(2);
  await page.locator(".row-in").first().getByRole("button", { name: "Book a table" }).click();
  const form = page.locator("dialog.flow");
  await expect(form.getByRole("alert")).toContainText("This form is closed.");
  await accessible(page);
  await form.getByRole("button", { name: "Close", exact: true }).click();
  await expect(form).toBeHidden();
});
