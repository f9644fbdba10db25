// Days without time, as `YYYY-MM-DD`; days of old Flow JSON are milliseconds since 1970 as text.
import { type Json, text } from "./model.ts";

export const DAY_MS = 86_400_000;
const ISO = /^\d{4}-\d{2}-\d{2}$/;
/** As `include-days` names them, by `getUTCDay`. */
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

export type Day = string;

export function day(value: Json | undefined): Day | undefined {
  const written = text(value);
  if (ISO.test(written) && !Number.isNaN(Date.parse(written))) return written;
  if (/^-?\d{5,}$/.test(written)) return fromMs(Number(written));
  return undefined;
}

export function fromMs(ms: number): Day {
  return new Date(ms).toISOString().slice(0, 10);
}

export function ms(day: Day): number {
  return Date.parse(`${day}T00:00:00Z`);
}

export function addDays(from: Day, days: number): Day {
  return fromMs(ms(from) + days * DAY_MS);
}

/** The same day of another month, or its last day. */
export function addMonths(from: Day, months: number): Day {
  const [year = 0, month = 1, date = 1] = from.split("-").map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return fromMs(Date.UTC(year, month - 1 + months, Math.min(date, last)));
}

/** Days from the first to the last, both counted. */
export function span(first: Day, last: Day): number {
  return Math.round((ms(last) - ms(first)) / DAY_MS) + 1;
}

/** What a picker allows. */
export interface Allowed {
  min?: Day | undefined;
  max?: Day | undefined;
  unavailable: ReadonlySet<Day>;
  weekdays: readonly string[];
}

export function allowed(properties: { [key: string]: Json }): Allowed {
  const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);
  return {
    min: day(properties["min-date"]),
    max: day(properties["max-date"]),
    unavailable: new Set(
      list(properties["unavailable-dates"])
        .map(day)
        .filter((one) => one !== undefined),
    ),
    weekdays: list(properties["include-days"]).map(text),
  };
}

/** Why a day cannot be chosen. */
export function refusal(day: Day, { min, max, unavailable, weekdays }: Allowed): "min" | "max" | "no" | null {
  if (min !== undefined && day < min) return "min";
  if (max !== undefined && day > max) return "max";
  const weekday = WEEKDAYS[new Date(ms(day)).getUTCDay()] ?? "";
  const closed =
    weekdays.length > 0 && !weekdays.some((name) => name.slice(0, 3).toLowerCase() === weekday.toLowerCase());
  return closed || unavailable.has(day) ? "no" : null;
}

export function shown(day: Day, locale: string | undefined): string {
  const style = { weekday: "short", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" } as const;
  return new Date(ms(day)).toLocaleDateString(locale, style);
}
