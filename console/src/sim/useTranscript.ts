// The transcript of a phone as it happens.
import { useCallback, useEffect, useReducer, useState } from "react";
import { ask } from "./api.ts";
import type { Entry, Items, Window } from "./types.ts";

const TYPING_MS = 25_000;

interface State {
  phone: number;
  /** False until the first transcript came. */
  known: boolean;
  entries: Entry[];
  typing: boolean;
}

type Change =
  | { what: "clear"; phone: number }
  | { what: "all"; phone: number; entries: Entry[] }
  | { what: "entry"; phone: number; entry: Entry }
  | { what: "typing"; phone: number; typing: boolean };

const EMPTY: State = { phone: 0, known: false, entries: [], typing: false };

function change(state: State, change: Change): State {
  if (change.what === "clear") return { ...EMPTY, phone: change.phone };
  if (change.what === "all") return { phone: change.phone, known: true, entries: merged(state, change), typing: false };
  if (change.phone !== state.phone) return state;
  if (change.what === "typing") return { ...state, typing: change.typing };
  const { entry } = change;
  const at = state.entries.findIndex((known) => known.wamid === entry.wamid);
  if (at >= 0) return { ...state, entries: state.entries.with(at, entry) };
  return { ...state, entries: [...state.entries, entry], typing: state.typing && entry.author !== "business" };
}

/** What was read, and what happened while it was on its way. */
function merged(state: State, { phone, entries }: { phone: number; entries: Entry[] }): Entry[] {
  const last = entries.at(-1)?.seq ?? 0;
  const later = state.phone === phone ? state.entries.filter((entry) => entry.seq > last) : [];
  return [...entries, ...later];
}

export interface Live {
  entries: Entry[];
  known: boolean;
  typing: boolean;
  linked: boolean;
  window: Window | null;
  /** Counts up with everything that happens. */
  pulse: number;
  reload: () => void;
}

/** One stream at a time: browsers allow six connections to a host. */
export function useTranscript(phone: number): Live {
  const [state, send] = useReducer(change, EMPTY);
  const [linked, setLinked] = useState(true);
  const [window, setWindow] = useState<Window | null>(null);
  const [pulse, beat] = useReducer((count: number) => count + 1, 0);

  const readWindow = useCallback(async () => {
    const windows = await ask<Items<Window>>("GET", `phones/${phone}/windows`);
    setWindow(windows?.items[0] ?? null);
  }, [phone]);

  const reload = useCallback(async () => {
    const transcript = await ask<Items<Entry>>("GET", `phones/${phone}/transcript`);
    if (!transcript) return;
    send({ what: "all", phone, entries: transcript.items });
    beat();
    await readWindow();
  }, [phone, readWindow]);

  useEffect(() => {
    const events = new EventSource(`/_sim/phones/${phone}/events`);
    let typing: ReturnType<typeof setTimeout> | undefined;
    const entry = (event: MessageEvent<string>) => {
      send({ what: "entry", phone, entry: JSON.parse(event.data) as Entry });
      beat();
    };
    const message = (event: MessageEvent<string>) => {
      entry(event);
      void readWindow();
    };
    events.addEventListener("message", message);
    events.addEventListener("status", entry);
    events.addEventListener("reset", () => {
      send({ what: "clear", phone });
      void reload();
    });
    events.addEventListener("typing", () => {
      send({ what: "typing", phone, typing: true });
      clearTimeout(typing);
      typing = setTimeout(() => send({ what: "typing", phone, typing: false }), TYPING_MS);
    });
    events.onopen = () => {
      setLinked(true);
      void reload();
    };
    events.onerror = () => setLinked(false);
    return () => {
      clearTimeout(typing);
      events.close();
    };
  }, [phone, reload, readWindow]);

  const shown = state.phone === phone ? state : EMPTY;
  return { ...shown, linked, window, pulse, reload: () => void reload() };
}
