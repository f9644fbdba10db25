// Moves the time, and starts over.
import { useEffect, useState } from "react";
import { ask } from "../sim/api.ts";
import { locale, t } from "../words/words.ts";

const JUMPS = [
  ["+1 min", "1m"],
  ["+1 h", "1h"],
  ["+25 h", "25h"],
  ["+31 d", "31d"],
] as const;

interface Clock {
  now_ms: number;
}

export function ClockPanel({ phone, reload }: { phone: number; reload: () => void }) {
  const [clock, setClock] = useState<Clock | null>(null);
  useEffect(() => void ask<Clock>("GET", "clock").then(setClock), []);
  const advance = async (span: string) => {
    const next = await ask<Clock>("POST", "clock", { advance: span });
    if (next) setClock(next);
  };
  const resetAll = async () => {
    await ask("POST", "reset");
    reload();
  };
  return (
    <>
      <p className="clock">{clock ? <Now at={new Date(clock.now_ms)} /> : null}</p>
      <p className="hint">{t("clock_hint")}</p>
      <div className="row">
        {JUMPS.map(([label, span]) => (
          <button key={span} type="button" onClick={() => void advance(span)}>
            <bdi dir="ltr">{label}</bdi>
          </button>
        ))}
      </div>
      <h2>{t("start_over")}</h2>
      <div className="row">
        <button type="button" onClick={() => void ask("POST", `phones/${phone}/reset`)}>
          {t("reset_phone")}
        </button>
        <button type="button" onClick={() => void resetAll()}>
          {t("reset_all")}
        </button>
      </div>
    </>
  );
}

function Now({ at }: { at: Date }) {
  return (
    <time dateTime={at.toISOString()}>{at.toLocaleString(locale, { dateStyle: "full", timeStyle: "medium" })}</time>
  );
}
