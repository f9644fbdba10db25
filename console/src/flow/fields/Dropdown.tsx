// One of many, as the browser offers it; what belongs to the chosen one is shown below.
import { useId } from "react";
import { t } from "../../words/words.ts";
import { type FieldProps, useScreen } from "../context.ts";
import { text } from "../model.ts";
import { Words } from "./Groups.tsx";
import { described, idsOf, Labelled } from "./Labelled.tsx";
import { choices } from "./options.ts";

export function Dropdown({ component, properties, name, value, error }: FieldProps) {
  const { answer } = useScreen();
  const ids = idsOf(useId());
  const offered = choices(properties);
  const chosen = offered.find((choice) => choice.id === text(value));
  const more = chosen && (chosen.description || chosen.metadata || chosen.image);
  return (
    <Labelled ids={ids} properties={properties} error={error}>
      <select
        id={ids.input}
        name={name}
        value={text(value)}
        required={properties["required"] === true}
        disabled={properties["enabled"] === false}
        {...described(ids, properties, error)}
        onChange={(event) =>
          answer(component, event.target.value, event.target.value === "" ? "unselected" : "selected")
        }
      >
        <option value="">{t("choose_one")}</option>
        {offered.map((choice) => (
          <option key={choice.id} value={choice.id} disabled={!choice.enabled}>
            {choice.title}
          </option>
        ))}
      </select>
      {more ? (
        <div className="flow-chosen">
          <Words choice={{ ...chosen, title: "" }} />
        </div>
      ) : null}
    </Labelled>
  );
}
