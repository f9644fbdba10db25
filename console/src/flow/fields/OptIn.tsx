// A consent, with more to read if it leads somewhere.
import { useId } from "react";
import { Icon } from "../../ui/Icon.tsx";
import { t } from "../../words/words.ts";
import { type FieldProps, useScreen } from "../context.ts";
import { action, text } from "../model.ts";
import { idsOf } from "./Labelled.tsx";

export function OptIn({ component, properties, name, value, error }: FieldProps) {
  const { act, answer } = useScreen();
  const ids = idsOf(useId());
  const wanted = action(component["on-click-action"]);
  return (
    <>
      <div className="flow-optin">
        <label>
          <input
            type="checkbox"
            name={name}
            checked={value === true}
            required={properties["required"] === true}
            aria-invalid={error !== null}
            aria-describedby={error ? ids.error : undefined}
            onChange={(event) =>
              answer(component, event.target.checked, event.target.checked ? "selected" : "unselected")
            }
          />
          <span dir="auto">{text(properties["label"])}</span>
        </label>
        {wanted ? (
          <button type="button" className="flow-link" onClick={() => act(wanted, component)}>
            {t("read_more")} <Icon name="forward" turns />
          </button>
        ) : null}
      </div>
      {error ? (
        <p id={ids.error} className="flow-error" dir="auto">
          {error}
        </p>
      ) : null}
    </>
  );
}
