// What a person sent with a form: names and answers, as far as they may be shown.
import type { Entry } from "../sim/types.ts";
import { t } from "../words/words.ts";
import { maskedAnswers } from "./masks.ts";

/** Belongs to the endpoint, not to the person. */
const HIDDEN = ["flow_token"];
const MOST_LINES = 12;

export function FormSummary({ entry }: { entry: Entry }) {
  const answers = Object.entries(response(entry.raw)).filter(([name]) => !HIDDEN.includes(name));
  const masked = maskedAnswers(entry.context);
  return (
    <div className="form-summary">
      <p className="head">{t("response_sent")}</p>
      {masked === null ? (
        answers.length > 0 ? (
          <p className="detail">{t("answers", { n: answers.length })}</p>
        ) : null
      ) : (
        <dl>
          {answers.slice(0, MOST_LINES).map(([name, value]) => (
            <div key={name}>
              <dt dir="auto">{name.replaceAll(/[_-]/g, " ")}</dt>
              <dd dir="auto">{masked.includes(name) ? <span aria-label={t("masked")}>••••••</span> : shown(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

function response(raw: unknown): Record<string, unknown> {
  try {
    const reply = raw as { interactive?: { nfm_reply?: { response_json?: string } } } | null;
    const answers: unknown = JSON.parse(reply?.interactive?.nfm_reply?.response_json ?? "{}");
    return answers !== null && typeof answers === "object" ? (answers as Record<string, unknown>) : {};
  } catch {
    return {}; // a reply that was made by hand and is not JSON
  }
}

function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (Array.isArray(value)) return value.map(shown).join(", ") || "–";
  if (typeof value === "object")
    return "file_name" in value ? shown(value.file_name) : Object.values(value).map(shown).join(" – ");
  return String(value);
}
