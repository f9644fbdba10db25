// What the control surface of the stand-in says, as far as it is shown.
export interface PhoneInfo {
  phone: number;
  name: string;
  wa_id: string;
  user_id: string;
  username: string | null;
  hides_number: boolean;
  blocks_business: boolean;
  stopped_marketing: boolean;
}

export type Progress = "accepted" | "sent" | "failed" | "delivered" | "read" | "played";

export interface Choice {
  kind: "button" | "row";
  id: string;
  title: string;
  description?: string;
  section?: string;
}

export interface Attachment {
  kind: string;
  id?: string;
  link?: string;
  filename?: string;
  voice: boolean;
}

export interface Link {
  kind: string;
  title: string;
  url?: string;
  flow_id?: string;
}

/** What a message and a card of a carousel have in common. */
export interface Part {
  media?: Attachment;
  text: string;
  links?: Link[];
  choices?: Choice[];
}

/** A row of the transcript. */
export interface Entry extends Part {
  seq: number;
  author: "person" | "business";
  wamid: string;
  at_ms: number;
  kind: string;
  header?: string;
  footer?: string;
  details?: string[];
  cards?: Part[];
  notes?: string[];
  list_button?: string;
  context?: string;
  status: Progress;
  error?: { code: number; title: string };
  raw: unknown;
}

export interface Window {
  open: boolean;
  until_ms: number;
  entry_point_until_ms?: number;
}

export type Rule = Record<string, unknown>;

export interface Trouble {
  rules: Rule[];
}

export interface LogItem {
  seq: number;
  at_ms: number;
  status: number;
  method?: string;
  path?: string;
  kind?: string;
  code?: number;
  attempt?: number;
  error?: string;
  trouble?: unknown;
  near_miss?: string;
  request?: string;
  response?: string;
}

export interface Items<T> {
  items: T[];
}

/** A message that a phone shall send: kind and what belongs to it. */
export type Content = { type: string } & Record<string, unknown>;
