// What a select offers.
import { isObj, type Json, type Obj, text } from "../model.ts";

export interface Choice {
  id: string;
  title: string;
  description: string;
  metadata: string;
  enabled: boolean;
  image: string;
  alt: string;
  color: string;
}

export function choices(properties: Obj): Choice[] {
  const source = properties["data-source"];
  if (!Array.isArray(source)) throw new Error("data-source is not a list");
  return source.filter(isObj).map((one) => ({
    id: text(one["id"]),
    title: text(one["title"]),
    description: text(one["description"]),
    metadata: text(one["metadata"]),
    enabled: one["enabled"] !== false,
    image: text(one["image"]),
    alt: text(one["alt-text"]),
    color: /^#?[0-9a-fA-F]{6}$/.test(text(one["color"])) ? `#${text(one["color"]).replace("#", "")}` : "",
  }));
}

export function ids(value: Json): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}
