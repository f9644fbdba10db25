// Calls the control surface under `/_sim/`.
import { alertUser } from "../ui/alerts.ts";
import { t } from "../words/words.ts";

/** The control surface refused, with its sentence, or did not answer. */
export class Refused extends Error {}

/** Calls and gives the JSON answer; throws {@link Refused}. A `Blob` goes as it is, anything else as JSON. */
export async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const raw = body instanceof Blob;
  const kind = raw ? body.type || "application/octet-stream" : "application/json";
  const answer = await fetch(`/_sim/${path}`, {
    method,
    headers: body === undefined ? {} : { "content-type": kind },
    body: body === undefined ? null : raw ? body : JSON.stringify(body),
  }).catch(() => {
    throw new Refused(t("no_answer"));
  });
  const json: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(detail(json) ?? t("answered", { status: answer.status }));
  return json as T;
}

function detail(json: unknown): string | undefined {
  const said = json !== null && typeof json === "object" && "detail" in json ? json.detail : undefined;
  return typeof said === "string" ? said : undefined;
}

/** Calls; a refusal is shown to the person, and `null` comes back. */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<T | null> {
  try {
    return await request<T>(method, path, body);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    alertUser(error.message);
    return null;
  }
}
