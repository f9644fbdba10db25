// Which answers of a sent form are masked. Only the names are kept, on this machine, for forms filled in here; of
// others (another browser, `parlance say`) nothing is known, so their summary shows no value.
const STORED = "parlance.masks";
const MOST = 200;

type Kept = [wamid: string, names: string[]][];

function read(): Kept {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "[]") as Kept;
  } catch {
    return [];
  }
}

/** Remembers, before a form is sent, which names of its answers are to be masked. */
export function keepMask(wamid: string, names: string[]): void {
  const others = read().filter(([known]) => known !== wamid);
  localStorage.setItem(STORED, JSON.stringify([...others, [wamid, names]].slice(-MOST)));
}

/** The masked names of the form that the message `wamid` offered; null if it was not filled in here. */
export function maskedAnswers(wamid: string | undefined): string[] | null {
  return read().find(([known]) => known === wamid)?.[1] ?? null;
}
