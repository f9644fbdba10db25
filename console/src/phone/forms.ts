// A form as the control surface shows it.
import type { FlowJson, FlowView, Obj } from "../flow/index.ts";

export interface FormView {
  id: string;
  wamid: string;
  flow: { id: string; name: string };
  /** Null if it cannot be read. */
  flow_json: FlowJson | null;
  screen: string;
  data: Obj | null;
  visited: string[];
  error_message: string | null;
  state: "open" | "done" | "closed";
  done: Obj | null;
  problem: { code: string; text: string; final: boolean } | null;
}

const NOTHING: FlowJson = { version: "", screens: [] };

export function shownView(form: FormView): FlowView {
  return {
    flow: form.flow_json ?? NOTHING,
    screen: form.screen,
    data: form.data ?? {},
    visited: form.visited,
    errorMessage: form.error_message,
    problem: form.problem && { text: form.problem.text, final: form.problem.final },
  };
}
