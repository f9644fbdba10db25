// The messages, the newest at the end; long conversations show their end first.
import { Fragment, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Entry } from "../sim/types.ts";
import type { Live } from "../sim/useTranscript.ts";
import { locale, t } from "../words/words.ts";
import { Bubble } from "./Bubble.tsx";

const FIRST = 60;
/** Whoever is this near to the end wants to see what comes. */
const NEAR_END_PX = 80;
const ANNOUNCE_MS = 2_000;

export function Chat({ live }: { live: Live }) {
  const { entries, typing, known } = live;
  const [shown, setShown] = useState(FIRST);
  const list = useRef<HTMLOListElement>(null);
  const follows = useRef(true);
  const byId = useMemo(() => new Map(entries.map((entry) => [entry.wamid, entry])), [entries]);
  const last = entries.at(-1);
  useLayoutEffect(() => {
    const chat = list.current;
    if (chat && (follows.current || last?.author === "person")) chat.scrollTop = chat.scrollHeight;
  }, [last?.wamid, last?.author, typing, known]);
  const scrolled = () => {
    const chat = list.current;
    if (chat) follows.current = chat.scrollHeight - chat.scrollTop - chat.clientHeight < NEAR_END_PX;
  };
  const visible = entries.slice(-shown);
  return (
    <>
      <ol ref={list} className="chat" tabIndex={0} aria-label={t("messages")} onScroll={scrolled}>
        {known && entries.length === 0 ? <li className="empty">{t("nothing_said")}</li> : null}
        {entries.length > shown ? (
          <li className="older">
            <button type="button" onClick={() => setShown(shown + FIRST)}>
              {t("older")}
            </button>
          </li>
        ) : null}
        {visible.map((entry, at) => (
          <Fragment key={entry.wamid}>
            {startsDay(entry, visible[at - 1]) ? <li className="day">{dayName(entry.at_ms)}</li> : null}
            <Bubble entry={entry} quoted={entry.context ? byId.get(entry.context) : undefined} />
          </Fragment>
        ))}
        {typing ? (
          <li className="typing">
            <span className="dots" aria-hidden="true" /> {t("typing")}
          </li>
        ) : null}
      </ol>
      <Announcer entries={entries} />
    </>
  );
}

function startsDay(entry: Entry, before: Entry | undefined): boolean {
  const day = (one: Entry) => new Date(one.at_ms).toDateString();
  return !before || day(before) !== day(entry);
}

function dayName(ms: number): string {
  return new Date(ms).toLocaleDateString(locale, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}

/** Reads out what the business wrote, gathered, so that a burst is one announcement. */
function Announcer({ entries }: { entries: Entry[] }) {
  const [said, say] = useState("");
  const from = useRef<number | null>(null);
  useEffect(() => {
    const last = entries.at(-1)?.seq ?? 0;
    if (from.current === null || last < from.current) from.current = last;
    const timer = setTimeout(() => {
      const fresh = entries.filter((entry) => entry.author === "business" && entry.seq > (from.current ?? last));
      from.current = last;
      if (fresh.length > 0) say(fresh.map((entry) => entry.text || entry.kind).join(". "));
    }, ANNOUNCE_MS);
    return () => clearTimeout(timer);
  }, [entries]);
  return (
    <p className="hidden" aria-live="polite">
      {said}
    </p>
  );
}
