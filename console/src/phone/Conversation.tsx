// One phone: who it is, what was said, what is written next, and the sheets over it.
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";
import { ask } from "../sim/api.ts";
import type { Content, Entry, PhoneInfo } from "../sim/types.ts";
import type { Live } from "../sim/useTranscript.ts";
import { Failure } from "../ui/Failure.tsx";
import { alertUser } from "../ui/alerts.ts";
import { t } from "../words/words.ts";
import { ActionsContext, type Actions } from "./actions.ts";
import { AttachSheet } from "./AttachSheet.tsx";
import { Chat } from "./Chat.tsx";
import { Compose } from "./Compose.tsx";
import { ListSheet } from "./ListSheet.tsx";
import { MessageSheet } from "./MessageSheet.tsx";
import { Peer } from "./Peer.tsx";

const FormSheet = lazy(() => import("./FormSheet.tsx"));

type Open = { what: "attach" } | { what: "message" | "list" | "form"; entry: Entry } | null;

interface ConversationProps {
  phone: PhoneInfo;
  live: Live;
  refresh: () => Promise<void>;
  /** Nothing can be reached, for something covers it. */
  covered: boolean;
}

export function Conversation({ phone, live, refresh, covered }: ConversationProps) {
  const [open, setOpen] = useState<Open>(null);
  const [quote, setQuote] = useState<Entry | null>(null);
  const [edited, setEdited] = useState<Entry | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const focus = () => field.current?.focus();
  const number = phone.phone;

  const actions = useMemo<Actions>(() => {
    const choose = (verb: string) => async (entry: Entry, id: string) => {
      await ask("POST", `phones/${number}/${verb}`, { id, wamid: entry.wamid });
      focus();
    };
    return {
      phone: number,
      tap: choose("tap"),
      pick: choose("pick"),
      openList: (entry) => setOpen({ what: "list", entry }),
      openMessage: (entry) => setOpen({ what: "message", entry }),
      openForm: (entry) => setOpen({ what: "form", entry }),
      send: (content, more) => send(number, content, more),
    };
  }, [number]);

  const compose = async (text: string): Promise<boolean> => {
    const content: Content = edited ? { type: "edit", wamid: edited.wamid, body: text } : { type: "text", body: text };
    const sent = await send(number, content, quote ? { quote: quote.wamid } : {});
    if (sent) forget();
    return sent;
  };
  const forget = () => {
    setQuote(null);
    setEdited(null);
  };
  const close = useCallback(() => setOpen(null), []);
  const quoting = async (content: Content, more: Record<string, unknown> = {}) => {
    close();
    if (await send(number, content, { ...(quote ? { quote: quote.wamid } : {}), ...more })) forget();
    focus();
  };

  return (
    <ActionsContext value={actions}>
      <section id="phone" className="phone" role="tabpanel" aria-label={t("conversation")} inert={covered}>
        <Peer phone={phone} linked={live.linked} window={live.window} />
        <Chat live={live} />
        <Compose
          field={field}
          quote={quote}
          edited={edited}
          onSend={compose}
          onForget={forget}
          onAttach={() => setOpen({ what: "attach" })}
        />
        {open?.what === "attach" ? (
          <AttachSheet phone={phone} onSend={quoting} onClose={close} refresh={refresh} />
        ) : null}
        {open?.what === "list" ? <ListSheet entry={open.entry} onClose={close} /> : null}
        {open?.what === "message" ? (
          <MessageSheet
            entry={open.entry}
            onClose={close}
            onAnswer={(entry) => {
              close();
              setQuote(entry);
              focus();
            }}
            onEdit={(entry) => {
              close();
              setEdited(entry);
              focus();
            }}
          />
        ) : null}
        {open?.what === "form" ? (
          <Failure
            instead={(error) => (
              <p className="alert" role="alert">
                {t("form_failed", { why: error.message })}
              </p>
            )}
          >
            <Suspense fallback={null}>
              <FormSheet key={open.entry.wamid} entry={open.entry} onClose={close} onProblem={alertUser} />
            </Suspense>
          </Failure>
        ) : null}
      </section>
    </ActionsContext>
  );
}

async function send(phone: number, content: Content, more: Record<string, unknown> = {}): Promise<boolean> {
  return (await ask("POST", `phones/${phone}/send`, { content, ...more })) !== null;
}
