// The button at the end of a screen, with its captions.
import { t } from "../words/words.ts";
import { type PartProps, useScreen } from "./context.ts";
import { action, text } from "./model.ts";

export function Footer({ component, properties }: PartProps) {
  const { act, busy } = useScreen();
  const wanted = action(component["on-click-action"]);
  const sides = [text(properties["left-caption"]), text(properties["right-caption"])];
  const center = text(properties["center-caption"]);
  return (
    <footer className="flow-footer">
      {sides.some(Boolean) ? (
        <p className="sides">
          <span dir="auto">{sides[0]}</span>
          <span dir="auto">{sides[1]}</span>
        </p>
      ) : null}
      {center ? (
        <p className="center" dir="auto">
          {center}
        </p>
      ) : null}
      <button
        type="button"
        className="primary"
        dir="auto"
        // Not disabled while it waits: the keyboard would lose its place.
        aria-disabled={busy}
        disabled={properties["enabled"] === false}
        onClick={() => wanted && !busy && act(wanted, component)}
      >
        {busy ? t("waiting") : text(properties["label"])}
      </button>
    </footer>
  );
}
