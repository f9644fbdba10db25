// What every component of a screen can read and set off.
import { createContext, useContext } from "react";
import type { Action, Component, FlowHost, FlowJson, Json, Obj } from "./model.ts";
import type { Scope } from "./reference.ts";

export interface ScreenContextValue {
  flow: FlowJson;
  scope: Scope;
  busy: boolean;
  upload: FlowHost["upload"];
  /** Performs an action; `change` is an answer that was just given and belongs to it. */
  act: (action: Action, component: Component, change?: { name: string; value: Json }) => void;
  /** The person answers; the actions of a select follow. */
  answer: (component: Component, value: Json, how?: "selected" | "unselected") => void;
  /** What is wrong with a field, to be shown now. */
  errorOf: (name: string) => string | null;
}

export const ScreenContext = createContext<ScreenContextValue | null>(null);

export function useScreen(): ScreenContextValue {
  const screen = useContext(ScreenContext);
  if (!screen) throw new Error("a component is outside of a screen");
  return screen;
}

/** What a component is given: itself as written, and its properties with references replaced. */
export interface PartProps {
  component: Component;
  properties: Obj;
}

/** What a field is given besides. */
export interface FieldProps extends PartProps {
  name: string;
  value: Json;
  error: string | null;
}
