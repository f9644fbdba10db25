// Reads again after whatever happens on the phone, once for many events.
import { useEffect, useRef } from "react";

const GATHER_MS = 150;

export function usePulse(pulse: unknown, read: () => Promise<void>): void {
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    const timer = setTimeout(() => void latest.current(), GATHER_MS);
    return () => clearTimeout(timer);
  }, [pulse]);
}
