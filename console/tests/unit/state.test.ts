import { describe, expect, it } from "vitest";
import { allInputs, visibleParts } from "../../src/flow/parts.ts";
import { components, type Component, type FlowJson, type FlowView, type Json, type Obj } from "../../src/flow/model.ts";
import { progress } from "../../src/flow/routes.ts";
import {
  absorb,
  begin,
  edit,
  isDirty,
  maskedNames,
  scopeOf,
  sensitiveNames,
  updateData,
} from "../../src/flow/state.ts";

const products: Json = [{ id: "p1", title: "One" }];
const CHILDREN = [
  {
    type: "Form",
    name: "f",
    "init-values": { name: "${data.name}", color: "red" },
    "error-messages": "${data.wrong}",
    children: [
      { type: "TextInput", name: "name", label: "Name" },
      { type: "TextInput", name: "pin", label: "PIN" },
      { type: "RadioButtonsGroup", name: "color", label: "Colour", "data-source": [{ id: "red", title: "Red" }] },
      { type: "Dropdown", name: "product", label: "Product", "data-source": "${data.products}" },
      {
        type: "If",
        condition: "${form.name} == 'Ada'",
        then: [{ type: "TextBody", text: "hello" }],
        else: [{ type: "OptIn", name: "ok", label: "OK" }],
      },
      { type: "Switch", value: "${form.color}", cases: { red: [{ type: "TextBody", text: "red" }], default: [] } },
      { type: "TextBody", text: "hidden", visible: "${data.shown}" },
      { type: "If", condition: "${form.name", then: [] },
    ],
  },
] as unknown as Component[];
const FLOW: FlowJson = {
  version: "7.3",
  screens: [
    { id: "A", sensitive: ["pin"], layout: { type: "SingleColumnLayout", children: CHILDREN } },
    {
      id: "B",
      layout: {
        type: "SingleColumnLayout",
        children: [{ type: "Footer", label: "x", "on-click-action": { name: "complete", payload: {} } }],
      },
    },
  ],
  routing_model: { A: ["B"], B: [] },
};
const view = (screen: string, data: Obj, errorMessage: string | null = null): FlowView => ({
  flow: FLOW,
  screen,
  data,
  visited: [],
  errorMessage,
  problem: null,
});
const DATA: Obj = { name: "Ada", products, shown: false };

describe("what was filled in", () => {
  it("begins with the initial values, of data too", () => {
    const form = scopeOf(begin(view("A", DATA))).form;
    expect(form).toEqual({ name: "Ada", pin: "", color: "red", product: "", ok: false });
    expect(isDirty(begin(view("A", DATA)))).toBe(false);
  });

  it("stays while the person goes on and back, and can be read from other screens", () => {
    const filled = edit(begin(view("A", DATA)), "name", "Bob");
    const next = absorb(filled, view("B", { b: 1 }));
    expect(scopeOf(next).screens["A"]?.form["name"]).toBe("Bob");
    expect(scopeOf(absorb(next, view("A", DATA))).form["name"]).toBe("Bob");
  });

  it("gives way to an initial value that changed", () => {
    const filled = edit(edit(begin(view("A", DATA)), "name", "Bob"), "pin", "1");
    const form = scopeOf(absorb(filled, view("A", { ...DATA, name: "Chi" }))).form;
    expect([form["name"], form["pin"]]).toEqual(["Chi", "1"]);
  });

  it("loses a choice that is not on offer any more", () => {
    const filled = edit(begin(view("A", DATA)), "product", "p1");
    expect(scopeOf(filled).form["product"]).toBe("p1");
    expect(scopeOf(updateData(filled, { products: [] })).form["product"]).toBe("");
    expect(
      scopeOf(absorb(filled, view("A", { ...DATA, products: [{ id: "p2", title: "Two" }] }))).form["product"],
    ).toBe("");
  });

  it("knows which answers are sensitive, by name and by where they come from", () => {
    const state = begin(view("A", DATA));
    expect(
      maskedNames(state, { code: "${form.pin}", pin: "x", name: "${form.name}", far: "${screen.A.form.pin}" }),
    ).toEqual(["code", "pin", "far"]);
    expect(sensitiveNames(FLOW)).toEqual(["pin"]);
  });
});

describe("parts", () => {
  const kinds = (data: Obj, name?: string) => {
    const state = name === undefined ? begin(view("A", data)) : edit(begin(view("A", data)), "name", name);
    return visibleParts(CHILDREN, scopeOf(state)).map((part) => part.problem ?? part.component.type);
  };

  it("follow branches, and a condition that cannot be read is said", () => {
    const inputs = ["TextInput", "TextInput", "RadioButtonsGroup", "Dropdown"];
    expect(kinds(DATA)).toEqual([...inputs, "TextBody", "TextBody", expect.stringContaining("cannot read")]);
    expect(kinds({ ...DATA, shown: true }, "Bob")).toEqual([
      ...inputs,
      "OptIn",
      "TextBody",
      "TextBody",
      expect.stringContaining("cannot read"),
    ]);
  });

  it("carry the messages of their form", () => {
    expect(visibleParts(CHILDREN, scopeOf(begin(view("A", DATA))))[0]?.errors).toBe("${data.wrong}");
  });

  it("are found in all branches", () => {
    expect(allInputs(CHILDREN).map(({ component }) => component["name"])).toEqual([
      "name",
      "pin",
      "color",
      "product",
      "ok",
    ]);
  });

  it("end at a depth that no form has", () => {
    let deep: Json = [{ type: "TextBody", text: "x" }];
    for (let depth = 0; depth < 1000; depth += 1) deep = [{ type: "If", condition: true, then: deep }];
    expect(visibleParts(components(deep), scopeOf(begin(view("A", DATA))))).toEqual([]);
    expect(allInputs(components(deep))).toEqual([]);
  });
});

it("says how far the person is, also where screens lead in a circle", () => {
  expect(progress(FLOW, "A", 0)).toEqual({ done: 1, all: 2 });
  expect(progress(FLOW, "B", 1)).toEqual({ done: 2, all: 2 });
  expect(progress({ ...FLOW, routing_model: { A: ["B"], B: ["A"] } }, "A", 0).all).toBeLessThan(5);
});
