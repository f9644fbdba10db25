// Whether the tools cover the phone instead of standing beside it; the width is the style sheets', too.
import { useSyncExternalStore } from "react";

const NARROW = "(max-width: 899px)";

function subscribe(listener: () => void): () => void {
  const query = matchMedia(NARROW);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}

export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => matchMedia(NARROW).matches);
}
