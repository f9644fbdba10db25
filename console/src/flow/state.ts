// What has been filled in, screen by screen. Answers stay while the person goes back and forth.
import { day } from "./dates.ts";
import { emptyValue } from "./checks.ts";
import {
  type Component,
  components,
  type FlowJson,
  type FlowView,
  isObj,
  type Json,
  type Obj,
  screenOf,
  text,
} from "./model.ts";
import { allInputs, nameOf, SELECTS } from "./parts.ts";
import { resolve, type Scope } from "./reference.ts";

interface Filled {
  data: Obj;
  /** Only what the person changed; the rest follows the initial values. */
  edits: Obj;
}

export interface FormState {
  flow: FlowJson;
  screen: string;
  screens: Record<string, Filled>;
  /** Fields whose message from outside is out of date. */
  changed: readonly string[];
  /** Whether the person tried to go on, so that what is missing is said. */
  tried: boolean;
}

export function begin(view: FlowView): FormState {
  return absorb({ flow: view.flow, screen: "", screens: {}, changed: [], tried: false }, view);
}

/** Takes an answer in. A field whose initial value changed with the data takes it over from what was filled in. */
export function absorb(state: FormState, view: FlowView): FormState {
  const before = state.screens[view.screen];
  const edits = before ? kept(state, before, view) : {};
  const tried = state.screen === view.screen && view.errorMessage !== null && state.tried;
  const screens = { ...state.screens, [view.screen]: { data: view.data, edits } };
  return { flow: view.flow, screen: view.screen, screens, changed: [], tried };
}

function kept(state: FormState, before: Filled, view: FlowView): Obj {
  const changed = inputs(view.flow, view.screen).filter(({ component, initial }) => {
    const at = (data: Obj) => JSON.stringify(attempt(() => resolve(initial, bare(state, data))) ?? null);
    return component["name"] !== undefined && initial !== undefined && at(before.data) !== at(view.data);
  });
  const names = changed.map(({ component }) => nameOf(component));
  return Object.fromEntries(Object.entries(before.edits).filter(([name]) => !names.includes(name)));
}

export function edit(state: FormState, name: string, value: Json): FormState {
  const { data, edits } = state.screens[state.screen] ?? { data: {}, edits: {} };
  const screens = { ...state.screens, [state.screen]: { data, edits: { ...edits, [name]: value } } };
  return { ...state, screens, changed: [...state.changed, name] };
}

/** `update_data`: changes what the screen shows, without asking anybody. */
export function updateData(state: FormState, payload: Obj): FormState {
  const { data, edits } = state.screens[state.screen] ?? { data: {}, edits: {} };
  return { ...state, screens: { ...state.screens, [state.screen]: { data: { ...data, ...payload }, edits } } };
}

export function isDirty(state: FormState): boolean {
  return Object.values(state.screens).some(({ edits }) => Object.keys(edits).length > 0);
}

export function scopeOf(state: FormState): Scope {
  const screens: Scope["screens"] = {};
  for (const [id, filled] of Object.entries(state.screens)) {
    screens[id] = { data: filled.data, form: values(state, id, filled) };
  }
  const now = screens[state.screen] ?? { data: {}, form: {} };
  return { data: now.data, form: now.form, screens };
}

/** The answers of a screen: what was filled in, else the initial value, else nothing. */
function values(state: FormState, screen: string, { data, edits }: Filled): Obj {
  const scope = bare(state, data);
  const form: Obj = {};
  for (const { component, initial } of inputs(state.flow, screen)) {
    const name = nameOf(component);
    const value = edits[name] ?? attempt(() => resolve(initial, scope)) ?? emptyValue(component);
    form[name] = fitting(component, value, scope);
  }
  return form;
}

/** A choice that is not on offer any more is none, as when another brand brings other products. */
function fitting(component: Component, value: Json, scope: Scope): Json {
  if (component.type === "DatePicker") return day(value) === undefined ? "" : value;
  if (!SELECTS.includes(component.type)) return value;
  const offered = attempt(() => resolve(component["data-source"], scope));
  if (!Array.isArray(offered)) return value;
  const ids = new Set(offered.filter(isObj).map((one) => text(one["id"])));
  if (Array.isArray(value)) return value.filter((one) => ids.has(text(one)));
  return ids.has(text(value)) ? value : emptyValue(component);
}

/** Initial values refer to data and to other screens, never to the answers of their own. */
function bare(state: FormState, data: Obj): Scope {
  const screens = Object.fromEntries(
    Object.entries(state.screens).map(([id, filled]) => [id, { data: filled.data, form: filled.edits }]),
  );
  return { data, form: {}, screens };
}

function inputs(flow: FlowJson, screen: string) {
  return allInputs(components(screenOf(flow, screen)?.layout?.children as Json | undefined));
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined; // an expression that is none; the component that shows it says so
  }
}

/** The names in a payload whose values come from fields that a screen calls sensitive. */
export function maskedNames(state: FormState, payload: Obj): string[] {
  const sensitive = (id: string, name: string) => screenOf(state.flow, id)?.sensitive?.includes(name) ?? false;
  const anywhere = (name: string) => state.flow.screens.some((screen) => screen.sensitive?.includes(name));
  const masked = Object.entries(payload).filter(([key, value]) => {
    const paths = [...JSON.stringify(value).matchAll(/\$\{([^}]*)\}/g)].map((match) => (match[1] ?? "").split("."));
    return (
      anywhere(key) ||
      paths.some(([root, a, b, c]) =>
        root === "form"
          ? sensitive(state.screen, a ?? "")
          : root === "screen" && b === "form" && sensitive(a ?? "", c ?? ""),
      )
    );
  });
  return masked.map(([key]) => key);
}

/** All names that any screen calls sensitive: what an endpoint that finishes a form may name answers by. */
export function sensitiveNames(flow: FlowJson): string[] {
  return flow.screens.flatMap((screen) => screen.sensitive ?? []);
}
