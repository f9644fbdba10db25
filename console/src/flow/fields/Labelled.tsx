// What every field has around it: label, help, and what is wrong.
import type { ReactNode } from "react";
import { t } from "../../words/words.ts";
import { type Obj, text } from "../model.ts";

export interface Ids {
  label: string;
  input: string;
  help: string;
  error: string;
}

export function idsOf(base: string): Ids {
  return { label: `${base}-label`, input: `${base}-input`, help: `${base}-help`, error: `${base}-error` };
}

/** What a control says of itself: its help, and what is wrong with it. */
export function described(ids: Ids, properties: Obj, error: string | null) {
  const about = [properties["helper-text"] || properties["description"] ? ids.help : null, error ? ids.error : null];
  return { "aria-invalid": error !== null, "aria-describedby": about.filter(Boolean).join(" ") || undefined };
}

interface LabelledProps {
  ids: Ids;
  properties: Obj;
  error: string | null;
  /** A label of one control, or the name of a group. */
  group?: boolean;
  count?: string | undefined;
  children: ReactNode;
}

export function Labelled({ ids, properties, error, group = false, count, children }: LabelledProps) {
  const label = text(properties["label"] ?? properties["title"]);
  const optional = properties["required"] === true ? null : <small> · {t("optional")}</small>;
  const help = text(properties["helper-text"] ?? properties["description"]);
  const words = (
    <>
      <bdi>{label}</bdi>
      {optional}
    </>
  );
  return (
    <>
      {group ? (
        <p id={ids.label} className="flow-label">
          {words}
        </p>
      ) : (
        <label id={ids.label} className="flow-label" htmlFor={ids.input}>
          {words}
        </label>
      )}
      {group && help ? (
        <p id={ids.help} className="flow-help" dir="auto">
          {help}
        </p>
      ) : null}
      {children}
      {!group && (help || count) ? (
        <p className="flow-help">
          <span id={ids.help} dir="auto">
            {help}
          </span>
          {count ? <span className="count">{count}</span> : null}
        </p>
      ) : null}
      {error ? (
        <p id={ids.error} className="flow-error" dir="auto">
          {error}
        </p>
      ) : null}
    </>
  );
}
