// Starts `parlance dev`, the real debug binary, in a folder of its own; one for each worker.
import { test as base, expect, type Page } from "@playwright/test";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
const BINARY = process.env["PARLANCE"] ?? join(ROOT, "target/debug/parlance");
const START_MS = 20_000;
/** Away from the ports that people use; `dev` takes the next free ones. */
const FIRST_PORT = 21_500;
const PHONES = 9;
/** Of the stand-in only; lets tests send what no bot sends. */
const TOKEN = "token-of-the-browser-tests";
const NUMBER = "700800900100200";
const ACCOUNT = "300100200300400";

interface Dev {
  /** Address of the phone page. */
  url: string;
}

async function start(folder: string, worker: number, bot: string): Promise<[ChildProcess, string]> {
  cpSync(join(ROOT, "bots"), join(folder, "bots"), { recursive: true });
  const port = FIRST_PORT + worker * 60;
  const child = spawn(BINARY, ["dev", "--port-base", `${port}`, "--phones", `${PHONES}`], {
    cwd: folder,
    env: { ...process.env, WHATSAPP_ACCESS_TOKEN: TOKEN, PARLANCE__BOTS__DEFAULT: bot },
  });
  let said = "";
  child.stdout.on("data", (text: Buffer) => (said += text.toString()));
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  const word = join(folder, ".parlance/dev.json");
  await expect
    .poll(() => existsSync(word) || child.exitCode !== null, { timeout: START_MS, message: "parlance dev starts" })
    .toBe(true);
  if (child.exitCode !== null) throw new Error(`parlance dev ended with ${child.exitCode}:\n${said}`);
  return [child, (JSON.parse(readFileSync(word, "utf8")) as { phone: string }).phone.replace(/\/$/, "")];
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await gone;
}

/** Sends a message to a phone through the Graph API, as the engine does. */
export async function business(url: string, phone: number, message: Record<string, unknown>): Promise<void> {
  const phones = (await (await fetch(`${url}/_sim/phones`)).json()) as { items: { phone: number; wa_id: string }[] };
  const to = phones.items.find((one) => one.phone === phone)?.wa_id;
  await graph(url, `${NUMBER}/messages`, { messaging_product: "whatsapp", to, ...message });
}

/** Publishes a Flow in the stand-in, as its owner at Meta would; gives its id. */
export async function publishFlow(url: string, name: string, json: unknown): Promise<string> {
  const flow = { name, categories: ["OTHER"], flow_json: JSON.stringify(json), publish: true };
  const created = await graph(url, `${ACCOUNT}/flows`, flow);
  expect(created["validation_errors"]).toEqual([]);
  return created["id"] as string;
}

async function graph(url: string, path: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/v25.0/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return JSON.parse(text) as Record<string, unknown>;
}

let lastPhone = 0;

interface Fixtures {
  /** What this test provokes on purpose, as the browser complains of it. */
  provoked: RegExp[];
  /** A phone that nobody in this worker has used. */
  phone: number;
  /** Fails the test for what a page must never do. */
  watched: void;
}

export const test = base.extend<Fixtures, { dev: Dev; bot: string }>({
  bot: ["welcome", { scope: "worker", option: true }],
  dev: [
    async ({ bot }, use, info) => {
      const folder = mkdtempSync(join(tmpdir(), "parlance-console-"));
      const [child, url] = await start(folder, info.parallelIndex, bot);
      await use({ url });
      await stop(child);
      rmSync(folder, { recursive: true });
    },
    { scope: "worker" },
  ],
  baseURL: async ({ dev }, use) => use(dev.url),
  phone: async ({ dev }, use) => {
    lastPhone = (lastPhone % PHONES) + 1;
    await fetch(`${dev.url}/_sim/phones/${lastPhone}/reset`, { method: "POST" });
    await use(lastPhone);
  },
  provoked: [[], { option: true }],
  watched: [
    async ({ page, dev, provoked }, use) => {
      const complaints = watch(page, dev.url);
      await use();
      expect(complaints.filter((text) => !provoked.some((known) => known.test(text)))).toEqual([]);
    },
    { auto: true },
  ],
});

/** Collects errors of the page, and requests to anywhere else. */
export function watch(page: Page, origin: string): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const { protocol } = new URL(request.url());
    if (protocol !== "data:" && protocol !== "blob:" && !request.url().startsWith(`${origin}/`)) {
      complaints.push(`a request to ${request.url()}`);
    }
  });
  return complaints;
}

export { expect };
