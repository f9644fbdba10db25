import { describe, expect, it } from "vitest";
import presets from "../../src/drawer/presets.json";
import ar from "../../src/words/ar.json";
import en from "../../src/words/en.json";

const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe("words", () => {
  it("has every sentence in both languages", () => {
    expect(Object.keys(ar)).toEqual(Object.keys(en));
  });

  it("fills the same values into every language", () => {
    for (const [word, text] of Object.entries(en))
      expect([word, names((ar as Record<string, string>)[word] ?? "")]).toEqual([word, names(text)]);
  });

  it("names every preset of trouble", () => {
    for (const { name } of presets)
      expect(Object.keys(en)).toEqual(expect.arrayContaining([`preset_${name}`, `preset_${name}_hint`]));
  });
});
