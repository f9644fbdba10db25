// What goes wrong between the engine and Meta: switches for the common cases, rules as JSON for all.
import { useState } from "react";
import { ask } from "../sim/api.ts";
import type { Rule, Trouble } from "../sim/types.ts";
import { alertUser } from "../ui/alerts.ts";
import { t, type Word } from "../words/words.ts";
import presets from "./presets.json";
import { usePulse } from "./usePulse.ts";

export function TroublePanel({ pulse }: { pulse: number }) {
  const [trouble, setTrouble] = useState<Trouble>({ rules: [] });
  /** What is being edited; null while it follows the rules in force. */
  const [draft, setDraft] = useState<string | null>(null);
  const show = (next: Trouble | null) => {
    if (next) setTrouble(next);
  };
  // Counted rules are used up by what happens.
  usePulse(pulse, async () => show(await ask<Trouble>("GET", "trouble")));
  const put = async (next: Trouble) => {
    setTrouble(next); // a switch moves at once, and back if it is refused
    show((await ask<Trouble>("PUT", "trouble", next)) ?? trouble);
  };
  const toggle = (rule: Rule, on: boolean) => {
    const others = trouble.rules.filter((one) => !same(one, rule));
    void put({ ...trouble, rules: on ? [...others, rule] : others });
  };
  const apply = async () => {
    const next = parse(draft ?? "");
    if (!next) return;
    await put(next);
    setDraft(null);
  };
  return (
    <>
      <p className="hint">{t("trouble_hint")}</p>
      <div className="presets">
        {presets.map(({ name, rule }) => (
          <Preset
            key={name}
            name={name}
            on={trouble.rules.some((one) => same(one, rule as Rule))}
            onToggle={(on) => toggle(rule as Rule, on)}
          />
        ))}
      </div>
      <details>
        <summary>{t("rules_json")}</summary>
        <label className="hidden" htmlFor="rules">
          {t("rules_json")}
        </label>
        <textarea
          id="rules"
          className="code"
          dir="ltr"
          rows={12}
          spellCheck={false}
          value={draft ?? JSON.stringify(trouble, null, 2)}
          onChange={(event) => setDraft(event.target.value)}
        />
        <button type="button" onClick={() => void apply()}>
          {t("apply")}
        </button>
      </details>
      <button
        type="button"
        onClick={async () => {
          show(await ask<Trouble>("DELETE", "trouble"));
          setDraft(null);
        }}
      >
        {t("end_trouble")}
      </button>
    </>
  );
}

interface PresetProps {
  name: string;
  on: boolean;
  onToggle: (on: boolean) => void;
}

function Preset({ name, on, onToggle }: PresetProps) {
  return (
    <label>
      <input type="checkbox" checked={on} onChange={(event) => onToggle(event.target.checked)} />
      <span>
        {t(`preset_${name}` as Word)}
        <small>{t(`preset_${name}_hint` as Word)}</small>
      </span>
    </label>
  );
}

/** Rules come back with defaults filled in; the order of keys differs. */
function same(a: Rule, b: Rule): boolean {
  const key = (rule: Rule) => JSON.stringify(Object.entries({ probability: 100, ...rule }).sort());
  return key(a) === key(b);
}

function parse(text: string): Trouble | null {
  try {
    return JSON.parse(text) as Trouble;
  } catch (error) {
    alertUser(t("not_json", { why: error instanceof Error ? error.message : "" }));
    return null;
  }
}
