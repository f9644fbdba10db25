// Whether an answer may leave the phone: required, lengths, forms, counts, days.
import { locale, t } from "../words/words.ts";
import { allowed, day, refusal, shown, span, type Day } from "./dates.ts";
import { type Component, isObj, type Json, number, type Obj, text } from "./model.ts";

const TEXT_MOST = 80;
const AREA_MOST = 600;

/** What stands in an untouched field. */
export function emptyValue(component: Component): Json {
  switch (component.type) {
    case "CheckboxGroup":
    case "ChipsSelector":
    case "PhotoPicker":
    case "DocumentPicker":
      return [];
    case "OptIn":
      return false;
    default:
      return "";
  }
}

/** What is wrong with a value, in the reader's language; null if nothing is. `properties` are resolved. */
export function problem(type: string, properties: Obj, value: Json): string | null {
  switch (type) {
    case "TextInput":
      return textProblem(properties, text(value), number(properties["max-chars"]) ?? TEXT_MOST);
    case "TextArea":
      return textProblem(properties, text(value), number(properties["max-length"]) ?? AREA_MOST);
    case "CheckboxGroup":
    case "ChipsSelector":
      return listProblem(properties, list(value));
    case "PhotoPicker":
      return filesProblem(properties, list(value), "photos");
    case "DocumentPicker":
      return filesProblem(properties, list(value), "documents");
    case "OptIn":
      return properties["required"] === true && value !== true ? t("invalid_required") : null;
    case "DatePicker":
      return dayProblem(properties, day(value), properties["required"] === true);
    case "CalendarPicker":
      return calendarProblem(properties, value);
    default:
      return properties["required"] === true && text(value) === "" ? t("invalid_required") : null;
  }
}

function list(value: Json): Json[] {
  return Array.isArray(value) ? value : [];
}

/** The most characters of a text field. */
export function mostChars(type: string, properties: Obj): number {
  return type === "TextArea"
    ? (number(properties["max-length"]) ?? AREA_MOST)
    : (number(properties["max-chars"]) ?? TEXT_MOST);
}

function textProblem(properties: Obj, value: string, most: number): string | null {
  if (value.trim() === "") return properties["required"] === true ? t("invalid_required") : null;
  const length = [...value].length;
  const least = number(properties["min-chars"]) ?? 0;
  const shape = shapeProblem(text(properties["input-type"]), value);
  if (shape) return shape;
  if (length < least) return t("invalid_short", { n: least });
  if (length > most) return t("invalid_long", { n: most });
  return fits(text(properties["pattern"]), value) ? null : text(properties["error-message"]) || t("invalid_pattern");
}

function shapeProblem(kind: string, value: string): string | null {
  switch (kind) {
    case "number":
      return /^[+-]?(\d+([.,]\d*)?|[.,]\d+)$/.test(value.trim()) ? null : t("invalid_number");
    case "email":
      return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value.trim()) ? null : t("invalid_email");
    case "phone":
      return /^[+(]?[\d\s().-]{4,}$/.test(value.trim()) ? null : t("invalid_phone");
    case "passcode":
      return /^\d+$/.test(value) ? null : t("invalid_passcode");
    default:
      return null;
  }
}

function fits(pattern: string, value: string): boolean {
  if (pattern === "") return true;
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(value);
  } catch {
    return true; // a pattern that is none is the checker's to report
  }
}

function listProblem(properties: Obj, value: Json[]): string | null {
  const least = number(properties["min-selected-items"]) ?? 0;
  const most = number(properties["max-selected-items"]) ?? Infinity;
  if (value.length === 0 && properties["required"] !== true) return null;
  if (value.length === 0 && least <= 1) return t("invalid_required");
  if (value.length < least) return t("invalid_items_min", { n: least });
  return value.length > most ? t("invalid_items_max", { n: most }) : null;
}

function filesProblem(properties: Obj, value: Json[], kind: string): string | null {
  const least = number(properties[`min-uploaded-${kind}`]) ?? 0;
  const most = number(properties[`max-uploaded-${kind}`]) ?? 30;
  if (value.length < least) return t("invalid_files_min", { n: least });
  return value.length > most ? t("invalid_files_max", { n: most }) : null;
}

function dayProblem(properties: Obj, value: Day | undefined, required: boolean): string | null {
  if (value === undefined) return required ? t("invalid_required") : null;
  const limits = allowed(properties);
  switch (refusal(value, limits)) {
    case "min":
      return t("invalid_date_min", { date: shown(limits.min ?? value, locale) });
    case "max":
      return t("invalid_date_max", { date: shown(limits.max ?? value, locale) });
    case "no":
      return t("invalid_date_no");
    default:
      return null;
  }
}

function calendarProblem(properties: Obj, value: Json): string | null {
  if (properties["mode"] !== "range")
    return dayProblem(properties, day(value), isRequired(properties["required"], "start-date"));
  const range = isObj(value) ? value : {};
  const [first, last] = [day(range["start-date"]), day(range["end-date"])];
  const start = dayProblem(properties, first, isRequired(properties["required"], "start-date"));
  const end = dayProblem(properties, last, first !== undefined || isRequired(properties["required"], "end-date"));
  if (start || end || !first || !last) return start ?? end;
  const days = span(first, last);
  const [least, most] = [number(properties["min-days"]) ?? 0, number(properties["max-days"]) ?? Infinity];
  if (days < least) return t("invalid_days_min", { n: least });
  return days > most ? t("invalid_days_max", { n: most }) : null;
}

function isRequired(required: Json | undefined, which: string): boolean {
  return required === true || (isObj(required) && required[which] === true);
}
