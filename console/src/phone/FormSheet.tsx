import type { Entry } from "../sim/types.ts";
import { Option, Sheet } from "../ui/Sheet.tsx";
import { t } from "../words/words.ts";
import { useActions } from "./actions.ts";

interface FormSheetProps {
  entry: Entry;
  onClose: () => void;
  onProblem: (text: string) => void;
}

/** Answers an offered form with a sample, as long as forms cannot be opened. */
export default function FormSheet({ entry, onClose }: FormSheetProps) {
  const { send } = useActions();
  const answer = () => {
    onClose();
    void send({ type: "flow_reply", wamid: entry.wamid, response: { answer: "sample" } });
  };
  return (
    <Sheet title={t("form")} onClose={onClose}>
      <Option title={t("send")} hint="{ answer: sample }" onChoose={answer} />
    </Sheet>
  );
}
