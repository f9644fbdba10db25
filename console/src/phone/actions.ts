// What bubbles can set off, wherever they are in the chat.
import { createContext, useContext } from "react";
import type { Content, Entry } from "../sim/types.ts";

export interface Actions {
  phone: number;
  tap: (entry: Entry, id: string) => void;
  pick: (entry: Entry, id: string) => void;
  openList: (entry: Entry) => void;
  openMessage: (entry: Entry) => void;
  openForm: (entry: Entry) => void;
  send: (content: Content, more?: Record<string, unknown>) => Promise<boolean>;
}

export const ActionsContext = createContext<Actions | null>(null);

export function useActions(): Actions {
  const actions = useContext(ActionsContext);
  if (!actions) throw new Error("a bubble is outside of a conversation");
  return actions;
}
