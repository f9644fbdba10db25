// What of a screen is to be seen: branches taken, invisible parts left out, forms laid open.
import { truthy } from "./expression.ts";
import { type Component, components, isObj, type Json, type Obj, text } from "./model.ts";
import { condition, resolve, resolveObj, type Scope } from "./reference.ts";

const MOST_DEPTH = 12;
const MOST_PARTS = 400;
/** Read when something is done, not when the screen is drawn; or the same for every screen. */
const UNRESOLVED = [
  "type",
  "name",
  "children",
  "then",
  "else",
  "cases",
  "on-click-action",
  "on-select-action",
  "on-unselect-action",
];
const INPUTS = [
  "TextInput",
  "TextArea",
  "CheckboxGroup",
  "RadioButtonsGroup",
  "Dropdown",
  "ChipsSelector",
  "DatePicker",
  "CalendarPicker",
  "OptIn",
  "PhotoPicker",
  "DocumentPicker",
];
export const SELECTS = ["CheckboxGroup", "RadioButtonsGroup", "Dropdown", "ChipsSelector"];

export interface Part {
  /** Its place on the screen. */
  key: string;
  component: Component;
  /** The messages of the form around it, as they are written. */
  errors?: Json;
  /** Why a branch cannot be decided. */
  problem?: string;
}

export function isInput(component: Component): boolean {
  return INPUTS.includes(component.type) && typeof component["name"] === "string";
}

export function nameOf(component: Component): string {
  return text(component["name"]);
}

/** Everything that is to be seen now, in order. */
export function visibleParts(children: Component[], scope: Scope): Part[] {
  const found: Part[] = [];
  walk(children, "", undefined, 0, found, (component) => branch(component, scope));
  return found;
}

/** All inputs of a screen, seen or not, with the initial values that the form around them gives. */
export function allInputs(children: Component[]): { component: Component; initial: Json | undefined }[] {
  const found: { component: Component; initial: Json | undefined }[] = [];
  const visit = (list: Component[], values: Json | undefined, depth: number) => {
    if (depth > MOST_DEPTH) return;
    for (const component of list) {
      if (isInput(component))
        found.push({ component, initial: component["init-value"] ?? member(values, nameOf(component)) });
      const inner = component.type === "Form" ? component["init-values"] : values;
      for (const below of everyBranch(component)) visit(below, inner, depth + 1);
    }
  };
  visit(children, undefined, 0);
  return found;
}

function member(values: Json | undefined, name: string): Json | undefined {
  if (typeof values === "string") return values.replace(/\}$/, `.${name}}`); // `${data.initial}` as a whole
  return isObj(values) ? values[name] : undefined;
}

function everyBranch(component: Component): Component[][] {
  if (component.type === "If") return [components(component["then"]), components(component["else"])];
  if (component.type === "Switch")
    return isObj(component["cases"]) ? Object.values(component["cases"]).map(components) : [];
  return component.type === "Form" ? [components(component["children"])] : [];
}

type Branch = { children: Component[]; errors?: Json | undefined } | { problem: string } | "itself" | "hidden";

function branch(component: Component, scope: Scope): Branch {
  try {
    if (resolve(component["visible"], scope) === false) return "hidden";
    if (component.type === "Form") {
      return { children: components(component["children"]), errors: component["error-messages"] };
    }
    if (component.type === "If") {
      const taken = truthy(condition(component["condition"], scope)) ? "then" : "else";
      return { children: components(component[taken]) };
    }
    if (component.type === "Switch") {
      const cases = isObj(component["cases"]) ? component["cases"] : {};
      const key = text(resolve(component["value"], scope));
      return { children: components(Object.hasOwn(cases, key) ? cases[key] : cases["default"]) };
    }
    return "itself";
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function walk(
  children: Component[],
  at: string,
  errors: Json | undefined,
  depth: number,
  found: Part[],
  branch: (component: Component) => Branch,
): void {
  for (const [index, component] of children.entries()) {
    if (found.length >= MOST_PARTS || depth > MOST_DEPTH) return;
    const key = `${at}/${index}${component.type}`;
    const taken = branch(component);
    if (taken === "hidden") continue;
    if (taken === "itself") found.push(errors === undefined ? { key, component } : { key, component, errors });
    else if ("problem" in taken) found.push({ key, component, problem: taken.problem });
    else walk(taken.children, key, taken.errors ?? errors, depth + 1, found, branch);
  }
}

/** The properties of a component with references replaced. */
export function properties(component: Component, scope: Scope): Obj {
  const known: Obj = {};
  const open: Obj = {};
  for (const [key, value] of Object.entries(component)) (UNRESOLVED.includes(key) ? known : open)[key] = value;
  return { ...resolveObj(open, scope), ...known };
}
