// How far the person is: screens behind them, and the longest way that may lie ahead.
import { action, type FlowJson, isObj, type Json, screenOf } from "./model.ts";

const MOST_STEPS = 100;

export function progress(flow: FlowJson, screen: string, visited: number): { done: number; all: number } {
  const done = visited + 1;
  return { done, all: done + ahead(flow, screen, new Map(), 0) };
}

function ahead(flow: FlowJson, screen: string, known: Map<string, number>, depth: number): number {
  const found = known.get(screen);
  if (found !== undefined || depth > MOST_STEPS) return found ?? 0;
  known.set(screen, 0); // a circle, which no valid form has, ends here
  const ways = followers(flow, screen).map((next) => 1 + ahead(flow, next, known, depth + 1));
  const longest = Math.max(0, ...ways);
  known.set(screen, longest);
  return longest;
}

function followers(flow: FlowJson, screen: string): string[] {
  const named = flow.routing_model?.[screen];
  const found = named ?? navigations((screenOf(flow, screen)?.layout?.children as Json | undefined) ?? [], 0);
  return found.filter((id) => screenOf(flow, id));
}

function navigations(value: Json, depth: number): string[] {
  if (depth > 2 * MOST_STEPS) return [];
  if (Array.isArray(value)) return value.flatMap((one) => navigations(one, depth + 1));
  if (!isObj(value)) return [];
  const next = action(value)?.name === "navigate" ? action(value)?.next?.name : undefined;
  return next !== undefined ? [next] : Object.values(value).flatMap((one) => navigations(one, depth + 1));
}
