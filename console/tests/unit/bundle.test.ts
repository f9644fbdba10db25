import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";

const DIST = resolve(import.meta.dirname, "../../dist");
/** kB of the first load, packed, that pages may weigh. */
const MOST_KB = 200;

it("weighs little", () => {
  const files = readdirSync(join(DIST, "assets")).filter((name) => /\.(js|css)$/.test(name));
  const bytes = files.map((name) => gzipSync(readFileSync(join(DIST, "assets", name)), { level: 9 }).length);
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(MOST_KB * 1000);
});

it("has nothing inline and nothing from elsewhere in its page", () => {
  const page = readFileSync(join(DIST, "index.html"), "utf8");
  expect([...page.matchAll(/<script(?![^>]* src="\/assets\/)/g)]).toEqual([]);
  expect([...page.matchAll(/<style| style=|https?:| on[a-z]+=/g)]).toEqual([]);
});
