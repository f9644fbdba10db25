// The renderer of forms, opposite a played stand-in.
import type { Page } from "@playwright/test";
import type { FlowJson } from "../../src/flow/index.ts";
import { GALLERY } from "../flows/gallery.ts";
import { mockForm } from "./mock.ts";
import { accessible, noOverflow, open } from "./page.ts";
import { expect, test } from "./parlance.ts";

/** Opens the form and gives its dialog. */
async function openForm(page: Page, phone: number, query = "") {
  await open(page, phone, query);
  await page.getByRole("button", { name: "Open the form" }).click();
  const form = page.locator("dialog.flow");
  await expect(form.locator("header h2")).toBeFocused();
  return form;
}

async function fillInputs(page: Page) {
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Password").fill("swordfish");
  await page.getByRole("group", { name: "Toppings" }).getByLabel(/Small/).check();
  await page.getByRole("radiogroup", { name: "Size" }).getByLabel(/Large/).check();
  await page.getByLabel("I agree to the rules").check();
}

test("shows words and pictures, and what it does not know as such", async ({ page, phone }) => {
  await mockForm(page, GALLERY, { name: "Ada" });
  const form = await openForm(page, phone);
  await expect(form.getByRole("heading", { name: "Hello Ada" })).toBeVisible();
  await expect(form.getByText("Bold body")).toHaveCSS("font-weight", "700");
  await expect(form.locator("s", { hasText: "Old price" })).toBeVisible();
  await expect(form.getByRole("link", { name: "a page" })).toHaveAttribute("rel", /noopener/);
  await expect(form.getByRole("columnheader", { name: "A" })).toBeVisible();
  await expect(form.getByRole("img", { name: "a red dot" })).toHaveJSProperty("naturalWidth", 1);
  await expect(form.getByText("lost picture")).toBeVisible();
  await expect(form.getByText("Hologram is not shown here")).toBeVisible();
  await expect(form.getByText(/Dropdown cannot be shown/)).toBeVisible();
  await expect(form.getByText("invisible")).toHaveCount(0);
  await expect(form.getByRole("progressbar")).toHaveAttribute("max", "5");
});

test("asks for what is missing, at the field, and keeps answers on the way back", async ({ page, phone }, info) => {
  const calls = await mockForm(page, GALLERY, { name: "Ada" });
  const form = await openForm(page, phone);
  await form.getByRole("button", { name: "Inputs" }).click();
  await expect(form.locator("header h2")).toHaveText("Inputs");
  expect(calls[0]).toEqual({
    verb: "navigate",
    body: { screen: "WORDS", next: "INPUTS", payload: { greeting: "hi" } },
  });
  await expect(form.getByText("We are not there yet")).toBeVisible();
  await form.getByRole("button", { name: "Days and files" }).click();
  await expect(form.getByLabel("Name")).toBeFocused();
  await expect(form.getByLabel("Name")).toHaveAccessibleDescription(/As on the door Please fill this in/);
  await page.screenshot({ path: info.outputPath("missing.png") });
  await accessible(page);
  await form.getByLabel("Name").fill("A");
  await expect(form.getByText("At least 2 characters")).toBeVisible();
  await form.getByLabel("City").fill("York");
  await expect(form.getByText("We are not there yet")).toHaveCount(0);
  await form.getByRole("textbox", { name: /^Age/ }).fill("old");
  await expect(form.getByText("Enter a number")).toBeVisible();
  await form.getByRole("textbox", { name: /^Age/ }).fill("42");
  await fillInputs(page);
  await expect(form.getByRole("group", { name: "Toppings" }).getByLabel(/Large/)).toBeDisabled();
  await expect(form.getByText("A large one")).toBeVisible();
  await form.getByLabel("Place").selectOption("Outside");
  await expect(form.getByText("Bring a coat")).toBeVisible();
  await form.getByLabel("Place").selectOption("Inside");
  await expect(form.getByText("by the fire")).toBeVisible();
  await form.getByLabel("Notes").fill("longer than it may be");
  await expect(form.getByText("21 of 20")).toBeVisible();
  await form.getByRole("button", { name: "Days and files" }).click();
  await expect(form.getByLabel("Notes")).toBeFocused();
  await form.getByLabel("Notes").fill("short");
  await form.getByRole("button", { name: "Days and files" }).click();
  await expect(form.locator("header h2")).toHaveText("Days and files");
  await form.getByRole("button", { name: "Back" }).click();
  await expect(form.getByLabel("Name")).toHaveValue("Ada");
  await expect(form.getByLabel("City")).toHaveValue("York");
});

test("takes days, ranges and files, and sends everything with what is sensitive masked", async ({
  page,
  phone,
}, info) => {
  const calls = await mockForm(page, GALLERY, { name: "Ada" });
  const form = await openForm(page, phone);
  await form.getByRole("button", { name: "Inputs" }).click();
  await fillInputs(page);
  await form.getByRole("button", { name: "Days and files" }).click();
  const footer = form.getByRole("button", { name: "Places" });
  await expect(footer).toBeDisabled();

  await form.getByRole("button", { name: /^Day/ }).click();
  await expect(form.locator('[data-day="2026-06-20"]')).toHaveAttribute("tabindex", "0");
  await form.getByRole("button", { name: "Previous month" }).click();
  await expect(form.getByRole("button", { name: "Wed, 6 May 2026" })).toHaveAttribute("aria-disabled", "true");
  await form.locator('[data-day="2026-05-04"]').focus();
  await page.keyboard.press("ArrowRight");
  await expect(form.locator('[data-day="2026-05-05"]')).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(form.getByText("On 2026-05-05")).toBeVisible();
  await expect(footer).toBeEnabled();

  await form.getByRole("button", { name: /Stay/ }).click();
  await form.locator('[data-day="2026-05-10"]').click();
  await form.locator('[data-day="2026-05-11"]').click();
  await form.locator('input[type="file"]').setInputFiles([
    { name: "a.png", mimeType: "image/png", buffer: Buffer.from("one") },
    { name: "big.png", mimeType: "image/png", buffer: Buffer.alloc(2_000) },
  ]);
  await expect(form.getByText("a.png", { exact: true })).toBeVisible();
  await expect(form.getByText("big.png is larger than 1 kB")).toBeVisible();
  await footer.click();
  await expect(form.getByText("At least 3 days")).toBeVisible();
  await form.getByRole("button", { name: /Stay/ }).click();
  await form.locator('[data-day="2026-05-10"]').click();
  await expect(form.getByText("At least 3 days")).toHaveCount(0);
  await page.screenshot({ path: info.outputPath("range.png") });
  await accessible(page);
  await form.locator('[data-day="2026-05-14"]').click();
  await footer.click();

  await expect(form.getByText("Three houses")).toBeVisible();
  await page.screenshot({ path: info.outputPath("places.png") });
  await form.getByRole("button", { name: /Old Town/ }).click();
  await expect(form.getByText("Thank you, Ada")).toBeVisible();
  await form.getByRole("button", { name: "Send" }).click();
  await expect(form).toBeHidden();
  expect(calls.at(-1)).toEqual({
    verb: "complete",
    body: {
      screen: "LAST",
      payload: {
        name: "Ada",
        secret: "swordfish",
        size: "l",
        tops: ["s"],
        agree: true,
        day: "2026-05-05",
        stay: { "start-date": "2026-05-10", "end-date": "2026-05-14" },
      },
    },
  });
  await page.reload();
  const summary = page.locator(".form-summary");
  await expect(summary).toContainText("2026-05-10 – 2026-05-14");
  await expect(summary).toContainText("••••••");
  await expect(summary).not.toContainText("swordfish");
  await accessible(page);
  await page.screenshot({ path: info.outputPath("summary.png") });
});

const exchange = { name: "data_exchange", payload: { brand: "${form.brand}", product: "${form.product}" } };
const CASCADE = {
  version: "7.3",
  data_api_version: "3.0",
  routing_model: { SHOP: [] },
  screens: [
    {
      id: "SHOP",
      title: "Shop",
      terminal: true,
      data: {},
      layout: {
        type: "SingleColumnLayout",
        children: [
          {
            type: "Form",
            name: "f",
            "error-messages": "${data.error_messages}",
            children: [
              {
                type: "Dropdown",
                name: "brand",
                label: "Brand",
                "data-source": "${data.brands}",
                "on-select-action": exchange,
              },
              {
                type: "RadioButtonsGroup",
                name: "product",
                label: "Product",
                required: true,
                "data-source": "${data.products}",
                "on-select-action": { name: "update_data", payload: { chosen: "${form.product}" } },
              },
              { type: "TextBody", text: "`'Chosen: ' ${data.chosen}`", visible: "`${data.chosen} != ''`" },
              { type: "Footer", label: "Buy", "on-click-action": exchange },
            ],
          },
        ],
      },
    },
  ],
} as unknown as FlowJson;
const list = (...ids: string[]) => ids.map((id) => ({ id, title: id.toUpperCase() }));

test("asks the business when a choice is made, and shows what it says of fields", async ({ page, phone }) => {
  const data = { brands: list("acme", "globex"), products: list("anvil"), chosen: "" };
  let refusals = 0;
  const calls = await mockForm(page, CASCADE, data, ({ body }) => {
    if (body.payload?.["product"] === "" || refusals > 1) return { data: { ...data, products: list("bolt", "nut") } };
    refusals += 1;
    if (refusals === 1)
      return {
        data: { ...data, products: list("bolt", "nut"), error_messages: { product: "None left" } },
        error_message: "Sorry",
      };
    return { problem: { code: "http_427", text: "This form is over.", final: true }, state: "closed" };
  });
  const form = await openForm(page, phone);
  await form.getByLabel("Brand").selectOption("GLOBEX");
  await expect(form.getByLabel("BOLT")).toBeVisible();
  expect(calls[0]).toEqual({ verb: "exchange", body: { screen: "SHOP", payload: { brand: "globex", product: "" } } });
  await expect(form.getByLabel("Brand")).toHaveValue("globex");
  await form.getByRole("button", { name: "Buy" }).click();
  await expect(form.getByText("Please fill this in")).toBeVisible();
  await form.getByLabel("BOLT").check();
  await expect(form.getByText("Chosen: bolt")).toBeVisible();
  expect(calls).toHaveLength(1);
  await form.getByRole("button", { name: "Buy" }).click();
  await expect(form.getByText("None left")).toBeVisible();
  await expect(form.getByRole("alert")).toHaveText("Sorry");
  await accessible(page);
  await form.getByLabel("NUT").check();
  await expect(form.getByText("None left")).toHaveCount(0);
  await form.getByRole("button", { name: "Buy" }).click();
  await expect(form.getByRole("alert")).toContainText("This form is over.");
  await form.getByRole("button", { name: "Close", exact: true }).click();
  await expect(form).toBeHidden();
});

test("closes with Escape, and asks first if something was filled in", async ({ page, phone }) => {
  const calls = await mockForm(page, CASCADE, { brands: list("acme"), products: list("anvil"), chosen: "" });
  let form = await openForm(page, phone);
  await page.keyboard.press("Escape");
  await expect(form).toBeHidden();
  await expect(page.getByRole("button", { name: "Open the form" })).toBeFocused();
  await expect.poll(() => calls.map((call) => call.verb)).toEqual(["close"]);
  form = await openForm(page, phone);
  await form.getByLabel("ANVIL").check();
  await page.keyboard.press("Escape");
  const question = page.getByRole("alertdialog");
  await expect(question.getByRole("button", { name: "Keep filling in" })).toBeFocused();
  await accessible(page);
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await expect(form.getByLabel("ANVIL")).toBeChecked();
  await page.keyboard.press("Escape");
  await question.getByRole("button", { name: "Close the form" }).click();
  await expect(form).toBeHidden();
});

test("a form that cannot be read is refused, and the chat stays", async ({ page, phone }) => {
  await mockForm(page, { version: "7.3", screens: [] } as FlowJson, {});
  const form = await openForm(page, phone);
  await page.keyboard.press("Escape");
  await expect(form).toBeHidden();
});

for (const width of [320, 375, 1280]) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const lang of ["en", "ar"]) {
      test.describe(`at ${width} px, ${colorScheme}, ${lang}`, () => {
        test.use({ viewport: { width, height: 720 }, colorScheme });
        test("every component is shown, and everybody can use it", async ({ page, phone }, info) => {
          await mockForm(page, GALLERY, { name: "Ada" });
          const form = await openForm(page, phone, `&lang=${lang}`);
          for (const [screen, next] of [
            ["words", "Inputs"],
            ["inputs", "Days and files"],
          ] as const) {
            await noOverflow(page);
            expect(
              await form.locator(".flow-body").evaluate((body) => body.scrollWidth - body.clientWidth),
            ).toBeLessThanOrEqual(1); // of rounding
            await accessible(page);
            await page.screenshot({ path: info.outputPath(`${screen}-${width}-${colorScheme}-${lang}.png`) });
            await form.getByRole("button", { name: next }).click();
          }
          await form.locator(".flow-body").evaluate((body) => body.scrollTo(0, body.scrollHeight));
          await page.screenshot({ path: info.outputPath(`errors-${width}-${colorScheme}-${lang}.png`) });
        });
      });
    }
  }
}
