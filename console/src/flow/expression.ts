// Expressions of Flow JSON: `==` `!=` `<` `<=` `>` `>=` `&&` `||` `!` `+` `-` `/` `%`, parentheses, literals in single
// quotes, references; parts that stand side by side are joined as text.
//
//   text   := either+                     joined
//   either := both ("||" both)*
//   both   := equal ("&&" equal)*
//   equal  := order (("==" | "!=") order)*
//   order  := sum (("<" | "<=" | ">" | ">=") sum)*
//   sum    := part (("+" | "-") part)*
//   part   := unary (("/" | "%") unary)*
//   unary  := ("!" | "-")* one
//   one    := literal | reference | "(" text ")"
import { type Json, text } from "./model.ts";

const MOST_CHARS = 10_000;
const MOST_DEPTH = 64;
const TOKEN =
  /\s*(?:(\$\{[^}]*\})|'((?:[^'\\]|\\.)*)'|(\d+(?:\.\d+)?)|(true|false)\b|(==|!=|<=|>=|&&|\|\||[<>!()+\-/%]))/y;

export type Lookup = (path: string) => Json | undefined;
type Value = Json | undefined;
type Token = { kind: "value"; value: Json } | { kind: "reference"; path: string } | { kind: "sign"; sign: string };

export class ExpressionError extends Error {}

/** The value of an expression. Throws {@link ExpressionError} if it is not one. */
export function evaluate(source: string, lookup: Lookup): Value {
  if (source.length > MOST_CHARS) throw new ExpressionError(`an expression of ${source.length} characters`);
  const parser = new Parser(tokens(source), lookup);
  const value = parser.text(0);
  parser.end();
  return value;
}

export function truthy(value: Value): boolean {
  return value !== undefined && value !== null && value !== false && value !== "" && value !== 0 && value !== "false";
}

function tokens(source: string): Token[] {
  const found: Token[] = [];
  const rest = source.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < rest.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(rest);
    if (!match) throw new ExpressionError(`cannot read ${rest.slice(from, from + 20)}`);
    const [, reference, quoted, digits, truth, sign] = match;
    if (reference !== undefined) found.push({ kind: "reference", path: reference.slice(2, -1) });
    else if (quoted !== undefined) found.push({ kind: "value", value: quoted.replace(/\\(.)/g, "$1") });
    else if (digits !== undefined) found.push({ kind: "value", value: Number(digits) });
    else if (truth !== undefined) found.push({ kind: "value", value: truth === "true" });
    else found.push({ kind: "sign", sign: sign ?? "" });
  }
  return found;
}

class Parser {
  private at = 0;
  private readonly tokens: Token[];
  private readonly lookup: Lookup;

  constructor(tokens: Token[], lookup: Lookup) {
    this.tokens = tokens;
    this.lookup = lookup;
  }

  end(): void {
    if (this.at < this.tokens.length) throw new ExpressionError("something is left over");
  }

  text(depth: number): Value {
    if (depth > MOST_DEPTH) throw new ExpressionError("nested too deeply");
    const first = this.level(0, depth);
    if (!this.startsOne()) return first;
    let joined = text(first ?? "");
    while (this.startsOne()) joined += text(this.level(0, depth) ?? "");
    return joined;
  }

  /** Operators by level, the loosest first; both sides are always read, so that no error hides. */
  private level(level: number, depth: number): Value {
    const signs = LEVELS[level];
    if (!signs) return this.unary(depth);
    let left = this.level(level + 1, depth);
    for (let sign = this.take(signs); sign; sign = this.take(signs)) {
      left = apply(sign, left, this.level(level + 1, depth));
    }
    return left;
  }

  private unary(depth: number): Value {
    const sign = this.take(["!", "-"]);
    if (!sign) return this.one(depth);
    if (depth > MOST_DEPTH) throw new ExpressionError("nested too deeply");
    const value = this.unary(depth + 1);
    return sign === "!" ? !truthy(value) : -numeric(value);
  }

  private one(depth: number): Value {
    if (this.take(["("])) {
      const inner = this.text(depth + 1);
      if (!this.take([")"])) throw new ExpressionError("a parenthesis is not closed");
      return inner;
    }
    const token = this.tokens[this.at];
    if (!token || token.kind === "sign") throw new ExpressionError("a value is missing");
    this.at += 1;
    return token.kind === "value" ? token.value : this.lookup(token.path);
  }

  private take(signs: readonly string[]): string | undefined {
    const token = this.tokens[this.at];
    if (token?.kind !== "sign" || !signs.includes(token.sign)) return undefined;
    this.at += 1;
    return token.sign;
  }

  private startsOne(): boolean {
    const token = this.tokens[this.at];
    return token !== undefined && (token.kind !== "sign" || token.sign === "(" || token.sign === "!");
  }
}

const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["==", "!="],
  ["<", "<=", ">", ">="],
  ["+", "-"],
  ["/", "%"],
];

function apply(sign: string, left: Value, right: Value): Json {
  switch (sign) {
    case "||":
      return truthy(left) || truthy(right);
    case "&&":
      return truthy(left) && truthy(right);
    case "==":
      return same(left, right);
    case "!=":
      return !same(left, right);
    case "<":
      return numeric(left) < numeric(right);
    case "<=":
      return numeric(left) <= numeric(right);
    case ">":
      return numeric(left) > numeric(right);
    case ">=":
      return numeric(left) >= numeric(right);
    case "+":
      return numeric(left) + numeric(right);
    case "-":
      return numeric(left) - numeric(right);
    case "/":
      return numeric(right) === 0 ? 0 : numeric(left) / numeric(right);
    default:
      return numeric(right) === 0 ? 0 : numeric(left) % numeric(right);
  }
}

/** Of the same type and value; what is not there equals nothing. */
function same(left: Value, right: Value): boolean {
  return left !== undefined && right !== undefined && JSON.stringify(left) === JSON.stringify(right);
}

/** Numbers are typed as text on a phone. */
function numeric(value: Value): number {
  const found = typeof value === "string" ? Number(value) : value;
  return typeof found === "number" && Number.isFinite(found) ? found : 0;
}
