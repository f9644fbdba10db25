// One message: text, media, cards, buttons, ticks.
import { memo } from "react";
import type { Entry, Progress } from "../sim/types.ts";
import { Icon } from "../ui/Icon.tsx";
import { locale, t } from "../words/words.ts";
import { Choices } from "./Choices.tsx";
import { Formatted } from "./Formatted.tsx";
import { FormSummary } from "./FormSummary.tsx";
import { MediaBox } from "./MediaBox.tsx";
import { useActions } from "./actions.ts";

const TICKS: Record<Progress, string> = {
  accepted: "◷",
  sent: "✓",
  delivered: "✓✓",
  read: "✓✓",
  played: "✓✓",
  failed: "!",
};
/** Kinds that need no label: what they are is to be seen. */
const PLAIN = [
  "text",
  "button",
  "list",
  "button_reply",
  "list_reply",
  "image",
  "sticker",
  "reaction",
  "flow",
  "nfm_reply",
];

export const Bubble = memo(function Bubble({ entry, quoted }: { entry: Entry; quoted: Entry | undefined }) {
  return (
    <li className={entry.author === "person" ? "row-out" : "row-in"}>
      <div className="bubble">
        <Body entry={entry} quoted={quoted} />
        <Meta entry={entry} />
      </div>
      {entry.cards?.length ? <Cards entry={entry} /> : null}
      <Choices part={entry} entry={entry} />
    </li>
  );
});

function Body({ entry, quoted }: { entry: Entry; quoted: Entry | undefined }) {
  return (
    <>
      {entry.notes?.map((note) => (
        <p key={note} className="note" dir="auto">
          {note}
        </p>
      ))}
      {quoted ? (
        <p className="quote" dir="auto">
          {quoted.text || label(quoted)}
        </p>
      ) : null}
      {entry.media ? <MediaBox media={entry.media} /> : null}
      {entry.header ? (
        <p className="head" dir="auto">
          {entry.header}
        </p>
      ) : null}
      {entry.text && entry.kind !== "nfm_reply" ? <Text entry={entry} /> : null}
      {entry.kind === "nfm_reply" ? <FormSummary entry={entry} /> : <Details entry={entry} />}
      {PLAIN.includes(entry.kind) ? null : <p className="kind">{label(entry)}</p>}
      {entry.footer ? (
        <p className="foot" dir="auto">
          {entry.footer}
        </p>
      ) : null}
      {entry.error ? <p className="error">{`${entry.error.code} · ${entry.error.title}`}</p> : null}
    </>
  );
}

function Text({ entry }: { entry: Entry }) {
  return entry.kind === "reaction" ? <p className="emoji">{entry.text}</p> : <Formatted text={entry.text} />;
}

function Details({ entry }: { entry: Entry }) {
  return entry.details?.map((line, at) => (
    <p key={at} className="detail" dir="auto">
      {line}
    </p>
  ));
}

export function label(entry: Entry): string {
  if (entry.kind === "reaction" && !entry.text) return t("reaction_removed");
  return entry.kind.replaceAll("_", " ");
}

function Cards({ entry }: { entry: Entry }) {
  const cards = entry.cards ?? [];
  return (
    <div className="cards" tabIndex={0} role="group" aria-label={t("cards", { n: cards.length })}>
      {cards.map((card, at) => (
        <div key={at} className="card">
          {card.media || card.text ? (
            <div className="bubble">
              {card.media ? <MediaBox media={card.media} /> : null}
              {card.text ? <Formatted text={card.text} /> : null}
            </div>
          ) : null}
          <Choices part={card} entry={entry} />
        </div>
      ))}
    </div>
  );
}

function Meta({ entry }: { entry: Entry }) {
  const { openMessage } = useActions();
  const at = new Date(entry.at_ms);
  return (
    <div className="meta">
      <button
        type="button"
        className="more"
        aria-haspopup="dialog"
        aria-label={t("message_menu")}
        onClick={() => openMessage(entry)}
      >
        <Icon name="more" />
      </button>
      <time dateTime={at.toISOString()}>{at.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" })}</time>
      <span className={`ticks ${entry.status}`} role="img" aria-label={t(entry.status)} title={t(entry.status)}>
        {TICKS[entry.status]}
      </span>
    </div>
  );
}
