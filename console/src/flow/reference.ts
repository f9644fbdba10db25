// References into the data and the answers of screens, and values that hold them.
import { evaluate } from "./expression.ts";
import { isObj, type Json, type Obj, text } from "./model.ts";

/** What a property can refer to. */
export interface Scope {
  data: Obj;
  form: Obj;
  /** By screen: what was shown and answered there. */
  screens: Record<string, { data: Obj; form: Obj }>;
}

const REFERENCE = /^\$\{([^}]*)\}$/;
/** A backtick that is not escaped. */
const TICK = /(?<!\\)`/;
const MOST_PARTS = 20;

/** `data.x.y`, `form.x`, `screen.ID.data.x`, `screen.ID.form.x`; undefined if there is nothing. */
export function lookup(path: string, scope: Scope): Json | undefined {
  const [root, ...rest] = path.trim().split(".").slice(0, MOST_PARTS);
  if (root === "data") return inside(scope.data, rest);
  if (root === "form") return inside(scope.form, rest);
  if (root !== "screen") return undefined;
  const [id = "", kind, ...names] = rest;
  const screen = Object.hasOwn(scope.screens, id) ? scope.screens[id] : undefined;
  if (!screen || (kind !== "data" && kind !== "form")) return undefined;
  return inside(screen[kind], names);
}

function inside(value: Json, names: string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const name of names) at = isObj(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  return at;
}

/** A value with its references and expressions replaced; a whole reference keeps the type of what it names. */
export function resolve(value: Json | undefined, scope: Scope): Json | undefined {
  if (typeof value === "string") return resolveText(value, scope);
  if (Array.isArray(value)) return value.map((one) => resolve(one, scope) ?? null);
  if (!isObj(value)) return value;
  return resolveObj(value, scope);
}

/** Members that lead nowhere are left out. */
export function resolveObj(value: Obj, scope: Scope): Obj {
  const resolved: Obj = {};
  for (const [key, one] of Object.entries(value)) {
    const found = resolve(one, scope);
    if (found !== undefined) resolved[key] = found;
  }
  return resolved;
}

function resolveText(value: string, scope: Scope): Json | undefined {
  const find = (path: string) => lookup(path, scope);
  const reference = REFERENCE.exec(value);
  if (reference) return find(reference[1] ?? "");
  const parts = value.split(TICK);
  if (parts.length < 3) return value.replaceAll("\\`", "`");
  if (parts.length === 3 && parts[0] === "" && parts[2] === "") return evaluate(parts[1] ?? "", find);
  return parts.map((part, at) => (at % 2 === 1 ? text(evaluate(part, find)) : part.replaceAll("\\`", "`"))).join("");
}

/** The condition of an `If`, which may be written without backticks. */
export function condition(value: Json | undefined, scope: Scope): Json | undefined {
  if (typeof value !== "string") return value;
  return evaluate(TICK.test(value) ? value.replaceAll("`", "") : value, (path) => lookup(path, scope));
}
