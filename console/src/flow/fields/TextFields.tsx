// Typed answers.
import { type HTMLInputTypeAttribute, useId } from "react";
import { t } from "../../words/words.ts";
import { mostChars } from "../checks.ts";
import { type FieldProps, useScreen } from "../context.ts";
import { text } from "../model.ts";
import { described, idsOf, Labelled } from "./Labelled.tsx";

interface Kind {
  type: HTMLInputTypeAttribute;
  inputMode: "text" | "decimal" | "email" | "numeric" | "tel";
  autoComplete: string;
  /** Numbers and addresses read from left to right in every language. */
  dir: "auto" | "ltr";
}

const PLAIN: Kind = { type: "text", inputMode: "text", autoComplete: "off", dir: "auto" };
const KINDS: Record<string, Kind> = {
  number: { ...PLAIN, inputMode: "decimal", dir: "ltr" },
  email: { type: "email", inputMode: "email", autoComplete: "email", dir: "ltr" },
  password: { type: "password", inputMode: "text", autoComplete: "off", dir: "ltr" },
  passcode: { type: "password", inputMode: "numeric", autoComplete: "one-time-code", dir: "ltr" },
  phone: { type: "tel", inputMode: "tel", autoComplete: "tel", dir: "ltr" },
};
/** From this share on, how much is left is said. */
const NEARLY_FULL = 0.8;

export function TextInput({ component, properties, name, value, error }: FieldProps) {
  const { answer } = useScreen();
  const ids = idsOf(useId());
  const kind = KINDS[text(properties["input-type"])] ?? PLAIN;
  return (
    <Labelled
      ids={ids}
      properties={properties}
      error={error}
      count={count(text(value), mostChars("TextInput", properties))}
    >
      <input
        id={ids.input}
        name={name}
        {...kind}
        value={text(value)}
        required={properties["required"] === true}
        disabled={properties["enabled"] === false}
        {...described(ids, properties, error)}
        onChange={(event) => answer(component, event.target.value)}
      />
    </Labelled>
  );
}

export function TextArea({ component, properties, name, value, error }: FieldProps) {
  const { answer } = useScreen();
  const ids = idsOf(useId());
  return (
    <Labelled
      ids={ids}
      properties={properties}
      error={error}
      count={count(text(value), mostChars("TextArea", properties))}
    >
      <textarea
        id={ids.input}
        name={name}
        dir="auto"
        rows={3}
        value={text(value)}
        required={properties["required"] === true}
        disabled={properties["enabled"] === false}
        {...described(ids, properties, error)}
        onChange={(event) => answer(component, event.target.value)}
      />
    </Labelled>
  );
}

function count(value: string, most: number): string | undefined {
  const length = [...value].length;
  return length >= most * NEARLY_FULL ? t("characters", { n: length, most }) : undefined;
}
