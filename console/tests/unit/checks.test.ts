import { describe, expect, it } from "vitest";
import { problem } from "../../src/flow/checks.ts";
import { addMonths, day, span } from "../../src/flow/dates.ts";
import type { Json, Obj } from "../../src/flow/model.ts";

describe("answers", () => {
  it.each<[string, Obj, Json, RegExp | null]>([
    ["TextInput", { required: true }, "  ", /fill this in/],
    ["TextInput", {}, "", null],
    ["TextInput", { "min-chars": 3 }, "ab", /At least 3/],
    ["TextInput", { "max-chars": "3" }, "abcd", /At most 3/],
    ["TextInput", { "max-chars": 2 }, "👍👍", null],
    ["TextInput", {}, "x".repeat(81), /At most 80/],
    ["TextInput", { "input-type": "number" }, "1a", /number/],
    ["TextInput", { "input-type": "number" }, "-1.5", null],
    ["TextInput", { "input-type": "email" }, "ada@", /e-mail/],
    ["TextInput", { "input-type": "email" }, "ada@example.org", null],
    ["TextInput", { "input-type": "phone" }, "call me", /phone/],
    ["TextInput", { "input-type": "phone" }, "+44 7700 900123", null],
    ["TextInput", { "input-type": "passcode" }, "12a4", /digits/],
    ["TextInput", { pattern: "[A-Z]{2}\\d+" }, "AB", /right form/],
    ["TextInput", { pattern: "[A-Z]{2}\\d+", "error-message": "Like AB1" }, "AB", /Like AB1/],
    ["TextInput", { pattern: "[A-Z]{2}\\d+" }, "AB1", null],
    ["TextInput", { pattern: "(" }, "anything", null],
    ["TextArea", { "max-length": 5 }, "123456", /At most 5/],
    ["TextArea", {}, "x".repeat(601), /At most 600/],
    ["CheckboxGroup", { required: true }, [], /fill this in/],
    ["CheckboxGroup", { "min-selected-items": 2 }, [], null],
    ["CheckboxGroup", { "min-selected-items": 2 }, ["a"], /at least 2/],
    ["ChipsSelector", { "max-selected-items": 1 }, ["a", "b"], /at most 1/],
    ["RadioButtonsGroup", { required: true }, "", /fill this in/],
    ["Dropdown", { required: true }, "a", null],
    ["OptIn", { required: true }, false, /fill this in/],
    ["OptIn", {}, false, null],
    ["PhotoPicker", { "min-uploaded-photos": 1 }, [], /Add 1/],
    ["DocumentPicker", { "max-uploaded-documents": 1 }, ["1", "2"], /At most 1/],
    ["DatePicker", { required: true }, "", /fill this in/],
    ["DatePicker", { "min-date": "2026-05-02" }, "2026-05-01", /May .*2026 or later/],
    ["DatePicker", { "max-date": "2026-05-02" }, "2026-05-03", /or earlier/],
    ["DatePicker", { "unavailable-dates": ["2026-05-03"] }, "2026-05-03", /not available/],
    ["DatePicker", { "min-date": "1777680000000" }, "1777593600000", /or later/],
    ["CalendarPicker", { "include-days": ["Mon", "Tue"] }, "2026-05-06", /not available/],
    ["CalendarPicker", { mode: "range", required: true }, "", /fill this in/],
    ["CalendarPicker", { mode: "range", required: { "start-date": true } }, {}, /fill this in/],
    ["CalendarPicker", { mode: "range" }, { "start-date": "2026-05-01" }, /fill this in/],
    [
      "CalendarPicker",
      { mode: "range", "min-days": 3 },
      { "start-date": "2026-05-01", "end-date": "2026-05-02" },
      /At least 3/,
    ],
    [
      "CalendarPicker",
      { mode: "range", "max-days": 3 },
      { "start-date": "2026-05-01", "end-date": "2026-05-04" },
      /At most 3/,
    ],
    [
      "CalendarPicker",
      { mode: "range", "max-days": 4 },
      { "start-date": "2026-05-01", "end-date": "2026-05-04" },
      null,
    ],
  ])("of a %s with %j: %j", (type, properties, value, expected) => {
    const said = problem(type, properties, value);
    if (expected === null) expect(said).toBeNull();
    else expect(said).toMatch(expected);
  });
});

describe("days", () => {
  it("are read in both ways of writing", () => {
    expect([day("2026-05-01"), day("1777593600000"), day("1 May"), day("2026-13-01"), day("")]).toEqual([
      "2026-05-01",
      "2026-05-01",
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("stay in their month, and are counted with both ends", () => {
    expect([addMonths("2026-01-31", 1), addMonths("2026-03-31", -1), addMonths("2026-12-15", 1)]).toEqual([
      "2026-02-28",
      "2026-02-28",
      "2027-01-15",
    ]);
    expect(span("2026-02-28", "2026-03-01")).toBe(2);
  });
});
