// What can be done with one message: answer, react, change, take back, and the statuses that do not come by themselves.
import { ask } from "../sim/api.ts";
import type { Content, Entry } from "../sim/types.ts";
import { Option, Sheet } from "../ui/Sheet.tsx";
import { t } from "../words/words.ts";
import { useActions } from "./actions.ts";

const EMOJI = ["👍", "❤️", "😂"];

interface MessageSheetProps {
  entry: Entry;
  onClose: () => void;
  onAnswer: (entry: Entry) => void;
  onEdit: (entry: Entry) => void;
}

export function MessageSheet({ entry, onClose, onAnswer, onEdit }: MessageSheetProps) {
  const { send } = useActions();
  const { wamid } = entry;
  const mine = entry.author === "person";
  const act = (content: Content) => () => {
    onClose();
    void send(content);
  };
  return (
    <Sheet title={t("this_message")} onClose={onClose}>
      <Option title={t("answer")} hint={t("answer_hint")} onChoose={() => onAnswer(entry)} />
      {EMOJI.map((emoji) => (
        <Option key={emoji} title={t("react", { emoji })} onChoose={act({ type: "reaction", wamid, emoji })} />
      ))}
      <Option title={t("react_not")} onChoose={act({ type: "reaction", wamid })} />
      {mine && entry.kind === "text" ? (
        <Option title={t("edit")} hint={t("edit_hint")} onChoose={() => onEdit(entry)} />
      ) : null}
      {mine ? (
        <Option title={t("delete")} onChoose={act({ type: "revoke", wamid })} />
      ) : (
        <Statuses entry={entry} onClose={onClose} />
      )}
    </Sheet>
  );
}

function Statuses({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { phone } = useActions();
  const send =
    (status: string, more: object = {}) =>
    () => {
      onClose();
      void ask("POST", `phones/${phone}/status`, { wamid: entry.wamid, status, ...more });
    };
  return (
    <>
      <h3>{t("status_webhooks")}</h3>
      <Option title={t("delivered")} onChoose={send("delivered")} />
      <Option title={t("read")} onChoose={send("read")} />
      <Option title={t("played")} hint={t("played_hint")} onChoose={send("played")} />
      <Option title={t("failed_131026")} hint={t("failed_131026_hint")} onChoose={send("failed")} />
      <Option title={t("failed_131049")} hint={t("failed_131049_hint")} onChoose={send("failed", { code: 131049 })} />
    </>
  );
}
