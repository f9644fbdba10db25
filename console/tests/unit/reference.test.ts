import { expect, it } from "vitest";
import type { Json } from "../../src/flow/model.ts";
import { condition, resolve, type Scope } from "../../src/flow/reference.ts";

const SCOPE: Scope = {
  data: { slots: [{ id: "1" }], who: { name: { first: "Ada" } }, open: false },
  form: { name: "Ada", age: "3" },
  screens: { DAY: { data: { month: "May" }, form: { day: "2026-05-01" } } },
};

it.each<[Json, Json | undefined]>([
  ["${data.slots}", [{ id: "1" }]],
  ["${data.who.name.first}", "Ada"],
  ["${data.slots.0}", undefined],
  ["${data.who.name.first.length}", undefined],
  ["${data.constructor}", undefined],
  ["${screen.DAY.form.day}", "2026-05-01"],
  ["${screen.DAY.data.month}", "May"],
  ["${screen.DAY.other.month}", undefined],
  ["${screen.constructor.data.x}", undefined],
  ["${other.x}", undefined],
  ["Hello ${form.name}", "Hello ${form.name}"],
  ["`'Hello ' ${form.name}`", "Hello Ada"],
  ["`${form.age} > 2`", true],
  ["Dear `${form.name}`, you are `${form.age} + 1`", "Dear Ada, you are 4"],
  ["a \\` b", "a ` b"],
  [
    ["${form.name}", 1],
    ["Ada", 1],
  ],
  [
    { who: "${form.name}", gone: "${form.gone}", deep: { open: "${data.open}" } },
    { who: "Ada", deep: { open: false } },
  ],
])("%j is %j", (value, expected) => expect(resolve(value, SCOPE)).toEqual(expected));

it("reads conditions with and without backticks", () => {
  expect(condition("${form.name} == 'Ada'", SCOPE)).toBe(true);
  expect(condition("`${form.name} == 'Bob'`", SCOPE)).toBe(false);
  expect(condition("${data.open}", SCOPE)).toBe(false);
  expect(condition(true, SCOPE)).toBe(true);
});
