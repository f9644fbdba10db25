// The page's own words, in the reader's language. What people and bots write is never translated.
import ar from "./ar.json";
import en from "./en.json";

export type Word = keyof typeof en;
export type Language = "en" | "ar" | "pseudo";

const STORED = "parlance.language";
const RIGHT_TO_LEFT: readonly Language[] = ["ar"];
export const LANGUAGES: readonly [Language, string][] = [
  ["en", "English"],
  ["ar", "العربية"],
];

/** `?lang=` first, then what was chosen here earlier, then what the browser asks for. */
function choose(): Language {
  const known = (name: string | null | undefined): Language | undefined =>
    name === "en" || name === "ar" || name === "pseudo" ? name : undefined;
  const asked = new URLSearchParams(globalThis.location?.search).get("lang");
  const wanted = (globalThis.navigator?.languages ?? []).map((tag) => known(tag.split("-")[0])).find(Boolean);
  return known(asked) ?? known(stored()) ?? wanted ?? "en";
}

function stored(): string | null {
  try {
    return globalThis.localStorage?.getItem(STORED) ?? null;
  } catch {
    return null; // storage is switched off: the browser's language then
  }
}

export const language: Language = choose();

/** What dates and numbers are written in: the reader's own kind of the language, if they have one. */
export const locale: string = (() => {
  const base = language === "pseudo" ? "en" : language;
  return (globalThis.navigator?.languages ?? []).find((tag) => tag.split("-")[0] === base) ?? base;
})();

export function setLanguage(next: Language): void {
  localStorage.setItem(STORED, next);
  const address = new URL(location.href);
  address.searchParams.delete("lang");
  location.replace(address);
}

/** The sentence for a key, with `{name}` filled in. */
export function t(word: Word, values: Record<string, string | number> = {}): string {
  const text = language === "ar" ? (ar as Record<Word, string>)[word] : en[word];
  const filled = text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  return language === "pseudo" ? `[${filled.replace(/[aeiou]/g, (vowel) => `${vowel}${vowel}`)}]` : filled;
}

/** Tells the document its language and direction. */
export function applyLanguage(): void {
  document.documentElement.lang = locale;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
}
