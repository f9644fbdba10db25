// Days: one, or a range; the calendar opens below the field.
import { type KeyboardEvent, type RefObject, useId, useRef, useState } from "react";
import { Icon } from "../../ui/Icon.tsx";
import { locale, t } from "../../words/words.ts";
import { type FieldProps, useScreen } from "../context.ts";
import { allowed, day, type Day, fromMs, ms, shown } from "../dates.ts";
import { isObj, type Json, type Obj, text, versionAtLeast } from "../model.ts";
import { Calendar } from "./Calendar.tsx";
import { described, type Ids, idsOf, Labelled } from "./Labelled.tsx";

export function DatePicker(props: FieldProps) {
  const { answer, flow } = useScreen();
  // Before 5.0 a day was milliseconds, as text.
  const written = (chosen: Day) => (versionAtLeast(flow, 5, 0) ? chosen : String(ms(chosen)));
  return (
    <OneDay
      {...props}
      onChoose={(chosen) => answer(props.component, written(chosen))}
      onClear={() => answer(props.component, "", "unselected")}
    />
  );
}

export function CalendarPicker(props: FieldProps) {
  const { answer } = useScreen();
  if (props.properties["mode"] === "range") return <Range {...props} />;
  return (
    <OneDay
      {...props}
      onChoose={(chosen) => answer(props.component, chosen)}
      onClear={() => answer(props.component, "", "unselected")}
    />
  );
}

interface OneDayProps extends FieldProps {
  onChoose: (day: Day) => void;
  onClear: () => void;
}

function OneDay({ properties, value, error, onChoose, onClear }: OneDayProps) {
  const ids = idsOf(useId());
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const chosen = day(value);
  const choose = (next: Day) => {
    onChoose(next);
    setOpen(false);
    button.current?.focus();
  };
  return (
    <Labelled ids={ids} properties={properties} error={error} group>
      <div className="flow-dates" onKeyDown={(event) => escapes(event, open, setOpen, button.current)}>
        <Opener
          ids={ids}
          button={button}
          properties={properties}
          error={error}
          open={open}
          setOpen={setOpen}
          words={chosen ? shown(chosen, locale) : ""}
        />
        {open ? (
          <Calendar limits={allowed(properties)} chosen={chosen ? [chosen] : []} today={today()} onChoose={choose} />
        ) : null}
        {open && chosen && properties["required"] !== true ? (
          <button type="button" className="flow-link" onClick={onClear}>
            {t("clear")}
          </button>
        ) : null}
      </div>
    </Labelled>
  );
}

function Range({ component, properties, value, error }: FieldProps) {
  const { answer } = useScreen();
  const ids = idsOf(useId());
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const range: Obj = isObj(value) ? value : {};
  const [first, last] = [day(range["start-date"]), day(range["end-date"])];
  const choose = (next: Day) => {
    if (!first || last || next < first) return answer(component, { "start-date": next });
    answer(component, { "start-date": first, "end-date": next });
    setOpen(false);
    button.current?.focus();
  };
  const words = [first, last]
    .map((one) => (one ? shown(one, locale) : ""))
    .filter(Boolean)
    .join(" – ");
  return (
    <Labelled
      ids={ids}
      properties={{ ...properties, label: rangeLabel(properties), "helper-text": rangeHelp(properties) }}
      error={error}
      group
    >
      <div className="flow-dates" onKeyDown={(event) => escapes(event, open, setOpen, button.current)}>
        <Opener
          ids={ids}
          button={button}
          properties={properties}
          error={error}
          open={open}
          setOpen={setOpen}
          words={words}
        />
        {open ? (
          <Calendar
            limits={allowed(properties)}
            chosen={[first, last].filter((one) => one !== undefined)}
            today={today()}
            onChoose={choose}
          />
        ) : null}
      </div>
    </Labelled>
  );
}

interface OpenerProps {
  ids: Ids;
  button: RefObject<HTMLButtonElement | null>;
  properties: Obj;
  error: string | null;
  open: boolean;
  setOpen: (open: boolean) => void;
  words: string;
}

function Opener({ ids, button, properties, error, open, setOpen, words }: OpenerProps) {
  return (
    <button
      ref={button}
      id={ids.input}
      type="button"
      className={error ? "opener wrong" : "opener"}
      disabled={properties["enabled"] === false}
      aria-expanded={open}
      aria-labelledby={`${ids.label} ${ids.input}`}
      aria-describedby={described(ids, properties, error)["aria-describedby"]}
      onClick={() => setOpen(!open)}
    >
      <bdi>{words || t("choose_date")}</bdi>
      <Icon name="calendar" />
    </button>
  );
}

/** Escape closes the calendar first, and only then asks about the form. */
function escapes(event: KeyboardEvent, open: boolean, setOpen: (open: boolean) => void, button: HTMLElement | null) {
  if (event.key !== "Escape" || !open) return;
  event.preventDefault();
  event.stopPropagation();
  setOpen(false);
  button?.focus();
}

function rangeLabel(properties: Obj): string {
  const label = properties["label"];
  const title = text(properties["title"]);
  const both = isObj(label) ? `${text(label["start-date"])} – ${text(label["end-date"])}` : text(label);
  return title && both ? `${title} · ${both}` : title || both;
}

function rangeHelp(properties: Obj): Json {
  const help = properties["helper-text"];
  return isObj(help)
    ? [text(help["start-date"]), text(help["end-date"])].filter(Boolean).join(" – ")
    : (help ?? text(properties["description"]));
}

function today(): Day {
  return fromMs(Date.now() - new Date().getTimezoneOffset() * 60_000);
}
