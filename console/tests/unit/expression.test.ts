import { describe, expect, it } from "vitest";
import { evaluate, ExpressionError } from "../../src/flow/expression.ts";
import type { Json } from "../../src/flow/model.ts";

const VALUES: Record<string, Json> = {
  "form.name": "Ada",
  "form.age": "42",
  "form.none": "",
  "form.agrees": true,
  "data.price": 12.5,
  "data.list": ["a"],
  "data.list2": ["a"],
};
const value = (source: string) => evaluate(source, (path) => VALUES[path]);

describe("expressions", () => {
  it.each<[string, Json]>([
    ["${form.name} == 'Ada'", true],
    ["${form.name} != 'Ada'", false],
    ["${form.age} == 42", false], // of another type
    ["${form.age} >= 42", true],
    ["${data.price} < 12.5", false],
    ["${data.price} <= 12.5 && ${form.agrees}", true],
    ["!${form.agrees} || ${form.name} == 'Bob'", false],
    ["!(${form.none})", true],
    ["true == ${form.agrees}", true],
    ["${data.list} == ${data.list2}", true],
    ["1 + 2 - 4", -1],
    ["7 % 4 + 6 / 4", 4.5],
    ["10 - 2 - 3", 5],
    ["-${data.price} + 1", -11.5],
    ["1 / 0", 0],
    ["1 % 0", 0],
    ["(1 + 2) / (1 + 1)", 1.5],
    ["'Hello ' ${form.name} '!'", "Hello Ada!"],
    ["'it\\'s ' 1 + 1", "it's 2"],
    ["'Sum: ' (1 + 1)", "Sum: 2"],
    ["${form.missing} == ''", false],
    ["${form.missing} != ''", true],
    ["1 < 2 == true", true],
    ["false || false && true", false],
  ])("%s is %s", (source, expected) => expect(value(source)).toEqual(expected));

  it("gives nothing for what is not there", () => expect(value("${form.missing}")).toBeUndefined());

  it.each([
    "",
    "1 +",
    "(1",
    "1)",
    "'open",
    "a == b",
    "== 1",
    "1 2 +",
    "${form.name",
    "1 * 2",
    "(".repeat(100),
    "!".repeat(200) + "true",
    "1".repeat(20_000),
  ])("%s is refused", (source) => expect(() => value(source)).toThrow(ExpressionError));
});
