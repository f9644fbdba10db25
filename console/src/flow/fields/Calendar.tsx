// A month of days to choose from, with the arrow keys too.
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { Icon } from "../../ui/Icon.tsx";
import { locale, t } from "../../words/words.ts";
import { addDays, addMonths, type Allowed, type Day, ms, refusal, shown } from "../dates.ts";

interface CalendarProps {
  limits: Allowed;
  /** The days that are marked: one, or the first and the last. */
  chosen: readonly Day[];
  /** Where it opens when nothing is chosen. */
  today: Day;
  onChoose: (day: Day) => void;
}

const MONDAY = 1;

export function Calendar({ limits, chosen, today, onChoose }: CalendarProps) {
  const [at, setAt] = useState<Day>(() => chosen[0] ?? inside(today, limits));
  const grid = useRef<HTMLTableElement>(null);
  useEffect(() => grid.current?.scrollIntoView({ block: "nearest" }), []);
  const move = (next: Day) => {
    setAt(next);
    requestAnimationFrame(() => grid.current?.querySelector<HTMLElement>(`[data-day="${next}"]`)?.focus());
  };
  const key = (event: KeyboardEvent) => {
    const focused = event.target instanceof HTMLElement ? event.target.dataset["day"] : undefined;
    const next = step(event.key, focused ?? at);
    if (next === undefined) return;
    event.preventDefault();
    move(next);
  };
  const first = `${at.slice(0, 8)}01`;
  const title = new Date(ms(first)).toLocaleDateString(locale, { month: "long", year: "numeric", timeZone: "UTC" });
  return (
    <div className="flow-calendar" role="group" aria-label={t("calendar")}>
      <div className="month">
        <button
          type="button"
          className="round"
          aria-label={t("month_previous")}
          onClick={() => setAt(addMonths(at, -1))}
        >
          <Icon name="back" turns />
        </button>
        <strong aria-live="polite">{title}</strong>
        <button type="button" className="round" aria-label={t("month_next")} onClick={() => setAt(addMonths(at, 1))}>
          <Icon name="forward" turns />
        </button>
      </div>
      <table ref={grid} onKeyDown={key}>
        <thead>
          <tr>
            {week(monday(first)).map((day) => (
              <th key={day} scope="col">
                {weekday(day)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks(first).map((start) => (
            <tr key={start}>
              {week(start).map((day) => (
                <td key={day}>
                  {day.slice(0, 7) === first.slice(0, 7) ? (
                    <DayButton
                      day={day}
                      off={refusal(day, limits) !== null}
                      chosen={chosen}
                      focusable={day === at}
                      onChoose={() => {
                        setAt(day);
                        onChoose(day);
                      }}
                    />
                  ) : null}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface DayButtonProps {
  day: Day;
  off: boolean;
  chosen: readonly Day[];
  focusable: boolean;
  onChoose: () => void;
}

function DayButton({ day, off, chosen, focusable, onChoose }: DayButtonProps) {
  const [first = "", last = first] = chosen;
  const between = first !== "" && day > first && day < last;
  return (
    <button
      type="button"
      data-day={day}
      className={between ? "between" : undefined}
      aria-label={shown(day, locale)}
      aria-pressed={chosen.includes(day)}
      aria-disabled={off}
      tabIndex={focusable ? 0 : -1}
      onClick={off ? undefined : onChoose}
    >
      {new Date(ms(day)).toLocaleDateString(locale, { day: "numeric", timeZone: "UTC" }).replace(/[^\d٠-٩۰-۹]/g, "") ||
        day.slice(8)}
    </button>
  );
}

/** Where a key leads; in the direction of reading. */
function step(key: string, at: Day): Day | undefined {
  const ahead = document.documentElement.dir === "rtl" ? -1 : 1;
  switch (key) {
    case "ArrowRight":
      return addDays(at, ahead);
    case "ArrowLeft":
      return addDays(at, -ahead);
    case "ArrowDown":
      return addDays(at, 7);
    case "ArrowUp":
      return addDays(at, -7);
    case "PageDown":
      return addMonths(at, 1);
    case "PageUp":
      return addMonths(at, -1);
    case "Home":
      return monday(at);
    case "End":
      return addDays(monday(at), 6);
    default:
      return undefined;
  }
}

function inside(today: Day, { min, max }: Allowed): Day {
  if (min !== undefined && today < min) return min;
  return max !== undefined && today > max ? max : today;
}

function monday(day: Day): Day {
  return addDays(day, -((new Date(ms(day)).getUTCDay() + 7 - MONDAY) % 7));
}

function week(start: Day): Day[] {
  return Array.from({ length: 7 }, (_, days) => addDays(start, days));
}

function weeks(first: Day): Day[] {
  const next = addMonths(first, 1);
  const found: Day[] = [];
  for (let start = monday(first); start < next; start = addDays(start, 7)) found.push(start);
  return found;
}

function weekday(day: Day): string {
  return new Date(ms(day)).toLocaleDateString(locale, { weekday: "narrow", timeZone: "UTC" });
}
