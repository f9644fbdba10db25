// A sheet that comes up from below, over everything else.
import { type MouseEvent, type ReactNode, useId, useRef } from "react";
import { t } from "../words/words.ts";
import { Icon } from "./Icon.tsx";
import { useModal } from "./useModal.ts";

interface SheetProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

export function Sheet({ title, onClose, children }: SheetProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const closed = useModal(dialog, onClose);
  const besides = (event: MouseEvent) => event.target === dialog.current && dialog.current?.close();
  return (
    <dialog ref={dialog} className="sheet" aria-labelledby={heading} onClose={closed} onClick={besides}>
      <header>
        <h2 id={heading} dir="auto">
          {title}
        </h2>
        <button type="button" className="round" aria-label={t("close")} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <div className="sheet-rows">{children}</div>
    </dialog>
  );
}

interface OptionProps {
  title: string;
  hint?: string | undefined;
  onChoose: () => void;
}

/** A row of a sheet. */
export function Option({ title, hint, onChoose }: OptionProps) {
  return (
    <button type="button" className="option" onClick={onChoose} dir="auto">
      {title}
      {hint ? <small>{hint}</small> : null}
    </button>
  );
}
