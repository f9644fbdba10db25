// Several or one of a few, all to be seen.
import { useId } from "react";
import { type FieldProps, useScreen } from "../context.ts";
import { imageSource } from "../images.ts";
import { number, text } from "../model.ts";
import { described, idsOf, Labelled } from "./Labelled.tsx";
import { type Choice, choices, ids as idList } from "./options.ts";

export function CheckboxGroup(props: FieldProps) {
  return <Several {...props} className="flow-options" />;
}

export function ChipsSelector(props: FieldProps) {
  return <Several {...props} className="flow-chips" />;
}

function Several({ component, properties, name, value, error, className }: FieldProps & { className: string }) {
  const { answer } = useScreen();
  const ids = idsOf(useId());
  const chosen = idList(value);
  const full = chosen.length >= (number(properties["max-selected-items"]) ?? Infinity);
  const toggle = (id: string, on: boolean) => {
    const next = on ? [...chosen, id] : chosen.filter((one) => one !== id);
    answer(component, next, on ? "selected" : "unselected");
  };
  return (
    <Labelled ids={ids} properties={properties} error={error} group>
      <div
        className={className}
        role="group"
        aria-labelledby={ids.label}
        aria-describedby={described(ids, properties, error)["aria-describedby"]}
      >
        {choices(properties).map((choice) => {
          const on = chosen.includes(choice.id);
          const off = properties["enabled"] === false || !choice.enabled || (full && !on);
          return (
            <label key={choice.id} className={off ? "off" : undefined}>
              <input
                type="checkbox"
                name={name}
                checked={on}
                disabled={off}
                aria-invalid={error !== null}
                onChange={(event) => toggle(choice.id, event.target.checked)}
              />
              <Words choice={choice} />
            </label>
          );
        })}
      </div>
    </Labelled>
  );
}

export function RadioButtonsGroup({ component, properties, name, value, error }: FieldProps) {
  const { answer } = useScreen();
  const ids = idsOf(useId());
  return (
    <Labelled ids={ids} properties={properties} error={error} group>
      <div
        className="flow-options"
        role="radiogroup"
        aria-labelledby={ids.label}
        aria-required={properties["required"] === true}
        {...described(ids, properties, error)}
      >
        {choices(properties).map((choice) => {
          const off = properties["enabled"] === false || !choice.enabled;
          return (
            <label key={choice.id} className={off ? "off" : undefined}>
              <input
                type="radio"
                name={name}
                checked={text(value) === choice.id}
                disabled={off}
                onChange={() => answer(component, choice.id)}
              />
              <Words choice={choice} />
            </label>
          );
        })}
      </div>
    </Labelled>
  );
}

export function Words({ choice }: { choice: Choice }) {
  const image = imageSource(choice.image);
  return (
    <>
      {image ? <img src={image} alt={choice.alt} /> : null}
      {choice.color ? <span className="swatch" style={{ backgroundColor: choice.color }} /> : null}
      <span className="words">
        <span dir="auto">{choice.title}</span>
        {choice.description ? <small dir="auto">{choice.description}</small> : null}
        {choice.metadata ? (
          <small className="metadata" dir="auto">
            {choice.metadata}
          </small>
        ) : null}
      </span>
    </>
  );
}
