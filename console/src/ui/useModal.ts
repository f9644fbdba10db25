// Opens a dialog over the page, and gives the focus back where it came from.
import { type RefObject, useLayoutEffect } from "react";

/** Gives what to do when the browser says that the dialog was closed. */
export function useModal(dialog: RefObject<HTMLDialogElement | null>, onClose: () => void): () => void {
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // While it is still in the page, for only then the browser returns the focus.
    return () => shown?.close();
  }, [dialog]);
  return () => {
    if (!dialog.current?.open) onClose();
  };
}
