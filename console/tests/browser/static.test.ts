// A Flow without an endpoint, in the real stand-in: screens, a photo, and the reply to the business.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { latest, open, write } from "./page.ts";
import { business, expect, publishFlow, test } from "./parlance.ts";

const PHOTO = resolve(import.meta.dirname, "../../../simulator/samples/photo.jpg");
const column = (...children: unknown[]) => ({ type: "SingleColumnLayout", children });

const REPORT = {
  version: "7.3",
  screens: [
    {
      id: "WHAT",
      title: "What happened",
      sensitive: ["contract"],
      layout: column(
        { type: "TextArea", name: "words", label: "In your words", required: true },
        { type: "TextInput", name: "contract", label: "Contract", "input-type": "passcode" },
        {
          type: "Footer",
          label: "Go on",
          "on-click-action": { name: "navigate", next: { type: "screen", name: "PHOTO" }, payload: {} },
        },
      ),
    },
    {
      id: "PHOTO",
      title: "A photo",
      terminal: true,
      success: true,
      layout: column(
        { type: "PhotoPicker", name: "photos", label: "Photo", "min-uploaded-photos": 1, "max-uploaded-photos": 1 },
        {
          type: "Footer",
          label: "Send",
          "on-click-action": {
            name: "complete",
            payload: {
              words: "${screen.WHAT.form.words}",
              contract: "${screen.WHAT.form.contract}",
              photos: "${form.photos}",
            },
          },
        },
      ),
    },
  ],
};

test("a form without an endpoint is filled in with a photo, and its answers reach the business", async ({
  page,
  phone,
  dev,
}, info) => {
  await open(page, phone);
  await write(page, "hi");
  await expect(latest(page)).toBeVisible();
  const flow_id = await publishFlow(dev.url, `report ${phone} ${info.workerIndex}`, REPORT);
  const parameters = {
    flow_message_version: "3",
    flow_id,
    flow_cta: "Report it",
    flow_token: "unused",
    flow_action: "navigate",
    flow_action_payload: { screen: "WHAT" },
  };
  const interactive = { type: "flow", body: { text: "What happened?" }, action: { name: "flow", parameters } };
  await business(dev.url, phone, { type: "interactive", interactive });
  await page.getByRole("button", { name: "Report it" }).click();
  const form = page.locator("dialog.flow");
  await form.getByLabel("In your words").fill("It broke");
  await form.getByLabel("Contract").fill("123456");
  await form.getByRole("button", { name: "Go on" }).click();
  await form.getByRole("button", { name: "Send" }).click();
  await expect(form.getByText("Add 1 or more")).toBeVisible();
  await form
    .locator('input[type="file"]')
    .setInputFiles({ name: "broken.jpg", mimeType: "image/jpeg", buffer: readFileSync(PHOTO) });
  await expect(form.getByText("broken.jpg")).toBeVisible();
  await form.getByRole("button", { name: "Send" }).click();
  await expect(form).toBeHidden();
  const summary = page.locator(".form-summary");
  await expect(summary).toContainText("It broke");
  await expect(summary).not.toContainText("123456");
  await page.screenshot({ path: info.outputPath("sent.png") });
});
