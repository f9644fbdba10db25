// A form over everything else: opens from below, asks before it throws answers away.
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { Icon } from "../ui/Icon.tsx";
import { useModal } from "../ui/useModal.ts";
import { t } from "../words/words.ts";
import type { FlowHost, FlowView } from "./model.ts";
import { screenOf } from "./model.ts";
import { progress } from "./routes.ts";
import { ScreenBody } from "./ScreenBody.tsx";
import { absorb, begin, isDirty } from "./state.ts";
import "./flow.css";

interface FlowProps {
  view: FlowView;
  /** Whether an answer is awaited. */
  busy: boolean;
  host: FlowHost;
}

export function Flow({ view, busy, host }: FlowProps) {
  const [state, setState] = useState(() => begin(view));
  const [seen, setSeen] = useState(view);
  if (view !== seen) {
    setSeen(view);
    setState(absorb(state, view));
  }
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const [asking, setAsking] = useState(false);
  const title = useId();
  const closed = useModal(dialog, host.close);
  useEffect(() => heading.current?.focus(), [view.screen]);

  const leave = () => (isDirty(state) && !view.problem?.final ? setAsking(true) : host.close());
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    // The browser would close the dialog without asking.
    event.preventDefault();
    if (asking) setAsking(false);
    else leave();
  };
  const screen = screenOf(view.flow, view.screen);
  const { done, all } = progress(view.flow, view.screen, view.visited.length);
  return (
    <dialog
      ref={dialog}
      className="sheet flow"
      aria-labelledby={title}
      onKeyDown={key}
      onCancel={(event) => {
        event.preventDefault();
        leave();
      }}
      onClose={closed}
    >
      <header>
        {view.visited.length > 0 && !view.problem?.final ? (
          <button
            type="button"
            className="round"
            aria-label={t("back")}
            disabled={busy}
            onClick={() => host.back(view.screen)}
          >
            <Icon name="back" turns />
          </button>
        ) : (
          <span className="round" />
        )}
        <h2 id={title} ref={heading} tabIndex={-1} dir="auto">
          {screen?.title ?? t("form")}
        </h2>
        <button type="button" className="round" aria-label={t("leave_form")} onClick={leave}>
          <Icon name="close" />
        </button>
      </header>
      <progress max={all} value={done} aria-label={t("first_page", { n: done, most: all })} />
      {view.problem?.final ? (
        <div className="flow-problem" role="alert">
          <p dir="auto">{view.problem.text}</p>
          <button type="button" className="primary" onClick={host.close}>
            {t("close")}
          </button>
        </div>
      ) : (
        <ScreenBody key={view.screen} state={state} setState={setState} view={view} busy={busy} host={host} />
      )}
      {asking ? <Question onStay={() => setAsking(false)} onLeave={host.close} /> : null}
    </dialog>
  );
}

function Question({ onStay, onLeave }: { onStay: () => void; onLeave: () => void }) {
  const stay = useRef<HTMLButtonElement>(null);
  const text = useId();
  useEffect(() => stay.current?.focus(), []);
  return (
    <div className="flow-question">
      <div role="alertdialog" aria-modal="true" aria-labelledby={text}>
        <p id={text}>{t("closing_question")}</p>
        <div className="row">
          <button ref={stay} type="button" onClick={onStay}>
            {t("keep_filling")}
          </button>
          <button type="button" className="danger" onClick={onLeave}>
            {t("leave_form")}
          </button>
        </div>
      </div>
    </div>
  );
}
