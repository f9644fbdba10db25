// One sentence at a time that somebody must see: a refusal, a lost connection.
import { useSyncExternalStore } from "react";

const SHOWN_MS = 6000;

let current: string | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function set(text: string | null): void {
  current = text;
  for (const listener of listeners) listener();
}

export function alertUser(text: string): void {
  set(text);
  clearTimeout(timer);
  timer = setTimeout(() => set(null), SHOWN_MS);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useAlert(): string | null {
  return useSyncExternalStore(subscribe, () => current);
}
