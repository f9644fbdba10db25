// Graph calls and webhooks as they went over the wire, the newest first.
import { useState } from "react";
import { ask } from "../sim/api.ts";
import type { Items, LogItem } from "../sim/types.ts";
import { locale, t } from "../words/words.ts";
import { usePulse } from "./usePulse.ts";

const KINDS = ["requests", "webhooks"] as const;
const MOST = 50;

export function LogPanel({ pulse }: { pulse: number }) {
  const [kind, setKind] = useState<(typeof KINDS)[number]>("requests");
  const [items, setItems] = useState<LogItem[]>([]);
  usePulse(`${kind} ${pulse}`, async () => {
    const log = await ask<Items<LogItem>>("GET", `${kind}?limit=${MOST}`);
    if (log) setItems(log.items);
  });
  return (
    <>
      <div className="row">
        {KINDS.map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={one === kind}
            onClick={() => {
              setItems([]);
              setKind(one);
            }}
          >
            {t(one)}
          </button>
        ))}
      </div>
      <div className="log" dir="ltr">
        {items.length === 0 ? <p className="hint">{t("nothing_yet")}</p> : null}
        {items.map((item) => (
          <Row key={`${kind}${item.seq}`} item={item} />
        ))}
      </div>
    </>
  );
}

function Row({ item }: { item: LogItem }) {
  const parts = [
    ["near miss", item.near_miss],
    ["request", item.request],
    ["answer", item.response],
  ];
  return (
    <details>
      <summary>
        <b className={item.status === 200 ? "" : "bad"}>{item.status || t("cut")}</b>
        <span>{words(item)}</span>
        <time>{new Date(item.at_ms).toLocaleTimeString(locale)}</time>
      </summary>
      {parts.map(([title, text]) =>
        text ? (
          <pre key={title} data-title={title}>
            {pretty(text)}
          </pre>
        ) : null,
      )}
    </details>
  );
}

function words(item: LogItem): string {
  const what = item.path ? `${item.method} ${item.path.split("/").at(-1)}` : (item.kind ?? "");
  const extra = [
    item.code ? `code ${item.code}` : null,
    (item.attempt ?? 1) > 1 ? `try ${item.attempt}` : null,
    item.error,
    item.trouble ? "trouble" : null,
  ];
  return [what, ...extra.filter(Boolean)].join(" · ");
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
