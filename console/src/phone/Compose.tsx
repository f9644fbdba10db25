// Where the person writes: answers to a message, changes of one, attachments.
import { type KeyboardEvent, type RefObject, useEffect, useState } from "react";
import type { Entry } from "../sim/types.ts";
import { Icon } from "../ui/Icon.tsx";
import { t } from "../words/words.ts";
import { label } from "./Bubble.tsx";

const MOST_ROWS = 5;

interface ComposeProps {
  field: RefObject<HTMLTextAreaElement | null>;
  quote: Entry | null;
  edited: Entry | null;
  /** True if it went out, so that the field is emptied. */
  onSend: (text: string) => Promise<boolean>;
  onForget: () => void;
  onAttach: () => void;
}

export function Compose({ field, quote, edited, onSend, onForget, onAttach }: ComposeProps) {
  const [text, setText] = useState("");
  useEffect(() => {
    if (edited) setText(edited.text);
  }, [edited]);
  const send = async () => {
    if (text.trim() && (await onSend(text))) setText("");
    field.current?.focus();
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "Escape") onForget();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };
  const about = quote ?? edited;
  return (
    <>
      {about ? (
        <p className="quoting">
          <span dir="auto">{edited ? t("editing") : about.text || label(about)}</span>
          <button
            type="button"
            className="round"
            aria-label={edited ? t("edit_not") : t("answer_not")}
            onClick={onForget}
          >
            <Icon name="close" />
          </button>
        </p>
      ) : null}
      <form
        className="compose"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <button
          type="button"
          className="round attach"
          aria-haspopup="dialog"
          aria-label={t("attach")}
          onClick={onAttach}
        >
          <Icon name="add" />
        </button>
        <label className="hidden" htmlFor="text">
          {t("message")}
        </label>
        <textarea
          ref={field}
          id="text"
          dir="auto"
          rows={Math.min(MOST_ROWS, text.split("\n").length)}
          placeholder={t("message")}
          autoComplete="off"
          enterKeyHint="send"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={key}
        />
        <button type="submit" className="round send" aria-label={t("send")}>
          <Icon name="send" turns />
        </button>
      </form>
    </>
  );
}
