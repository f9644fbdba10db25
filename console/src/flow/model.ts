// Flow JSON as it is written, and what the renderer is handed. Components are open records: what a version adds that
// is not known here must not break a screen.
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Obj = { [key: string]: Json };

/** `type`, and properties with hyphens, as Flow JSON has them. */
export type Component = Obj & { type: string };

export interface Screen {
  id: string;
  title?: string;
  terminal?: boolean;
  success?: boolean;
  sensitive?: string[];
  layout?: { type?: string; children?: Component[] };
}

export interface FlowJson {
  version: string;
  routing_model?: Record<string, string[]>;
  screens: Screen[];
}

export interface Action {
  name: string;
  next?: { name?: string };
  payload?: Obj;
  url?: string;
}

/** What is open: the screen with its data, and where the person came from. A new object for each answer. */
export interface FlowView {
  flow: FlowJson;
  screen: string;
  data: Obj;
  visited: readonly string[];
  /** Shown as a snackbar. */
  errorMessage: string | null;
  problem: { text: string; final: boolean } | null;
}

/** What the renderer asks its host for. */
export interface FlowHost {
  exchange: (screen: string, payload: Obj) => void;
  navigate: (screen: string, next: string, payload: Obj) => void;
  complete: (screen: string, payload: Obj, masked: string[]) => void;
  back: (screen: string) => void;
  close: () => void;
  /** Gives what a payload names the file by. */
  upload: (file: File) => Promise<Json>;
}

export function isObj(value: unknown): value is Obj {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

export function isComponent(value: unknown): value is Component {
  return isObj(value) && typeof value["type"] === "string";
}

export function components(value: Json | undefined): Component[] {
  return Array.isArray(value) ? value.filter(isComponent) : [];
}

export function action(value: Json | undefined): Action | null {
  return isObj(value) && typeof value["name"] === "string" ? (value as unknown as Action) : null;
}

export function text(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(text).join("\n");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function number(value: Json | undefined): number | undefined {
  const found = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

/** `major.minor`, by number: 1.10 is later than 1.9. */
export function versionAtLeast(flow: FlowJson, major: number, minor: number): boolean {
  const [ours = 0, theirs = 0] = flow.version.split(".").map(Number);
  return ours > major || (ours === major && theirs >= minor);
}

export function screenOf(flow: FlowJson, id: string): Screen | undefined {
  return flow.screens.find((screen) => screen.id === id);
}
