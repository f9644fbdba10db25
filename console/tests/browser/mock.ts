// Plays the stand-in's part of a form, so that the renderer is tried with anything, also with what no Flow may hold.
import type { Page, Route } from "@playwright/test";
import type { FlowJson, Obj } from "../../src/flow/index.ts";

interface Call {
  verb: string;
  body: { screen?: string; next?: string; payload?: Obj };
}

/** What the business answers to an exchange; without it the screen stays. */
export type Answer = (call: Call) => Partial<FormState>;

interface FormState {
  screen: string;
  data: Obj;
  visited: string[];
  error_message: string | null;
  state: "open" | "done" | "closed";
  problem: { code: string; text: string; final: boolean } | null;
}

export const WAMID = "wamid.MOCKED";

/** A transcript with one form to open; gives every call that the page makes about it. */
export async function mockForm(page: Page, flow: FlowJson, data: Obj, answer: Answer = () => ({})): Promise<Call[]> {
  const calls: Call[] = [];
  let form: FormState = {
    screen: flow.screens[0]?.id ?? "",
    data,
    visited: [],
    error_message: null,
    state: "open",
    problem: null,
  };
  const back: [string, Obj][] = [];
  const entry = (more: Obj): Obj => ({
    at_ms: Date.UTC(2026, 4, 1, 12),
    phone_number_id: "1",
    status: "read",
    choices: [],
    ...more,
  });
  const entries: Obj[] = [
    entry({
      seq: 1,
      author: "business",
      wamid: WAMID,
      kind: "flow",
      text: "Please fill this in",
      links: [{ kind: "flow", title: "Open the form", flow_id: "9" }],
      raw: {},
    }),
  ];
  const view = () => ({
    id: "f1",
    phone: 1,
    wamid: WAMID,
    flow: { id: "9", name: "gallery", status: "PUBLISHED", mode: "published" },
    flow_json: flow,
    done: null,
    ...form,
  });
  await page.route("**/_sim/phones/*/transcript", (route) => route.fulfill({ json: { items: entries } }));
  await page.route("**/_sim/phones/*/forms", (route) => route.fulfill({ json: view() }));
  await page.route("**/_sim/forms/**", async (route: Route) => {
    const verb = new URL(route.request().url()).pathname.split("/").at(-1) ?? "";
    const call: Call = { verb, body: (route.request().postDataJSON() ?? {}) as Call["body"] };
    calls.push(call);
    form = { ...form, error_message: null, problem: null };
    if (verb === "navigate") {
      back.push([form.screen, form.data]);
      form = { ...form, screen: call.body.next ?? "", data: call.body.payload ?? {} };
    }
    if (verb === "back") {
      const [screen, data] = back.pop() ?? [form.screen, form.data];
      form = { ...form, screen, data };
    }
    if (verb === "complete") {
      form = { ...form, state: "done" };
      const raw = { interactive: { nfm_reply: { response_json: JSON.stringify(call.body.payload) } } };
      entries.push(
        entry({ seq: 2, author: "person", wamid: "wamid.REPLY", kind: "nfm_reply", text: "", context: WAMID, raw }),
      );
    }
    form = { ...form, ...answer(call), visited: back.map(([screen]) => screen) };
    await route.fulfill({ json: view() });
  });
  return calls;
}
