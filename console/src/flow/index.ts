// The renderer of forms. It knows no server: it is handed a view, and asks its host for everything else.
export { Flow } from "./Flow.tsx";
export type { FlowHost, FlowJson, FlowView, Json, Obj } from "./model.ts";
export { sensitiveNames } from "./state.ts";
