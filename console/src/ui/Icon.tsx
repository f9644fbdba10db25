// The few pictures of the page, drawn here.
const PATHS = {
  add: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  close: "M6 6l12 12M18 6L6 18",
  send: "M4 12l16-8-5 17-4-7zM11 14l9-10",
  list: "M9 7h11M9 12h11M9 17h11M4.5 7h.01M4.5 12h.01M4.5 17h.01",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  form: "M6 3h12v18H6zM9 8h6M9 12h6M9 16h3",
  tools: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01",
  play: "M8 5l11 7-11 7z",
  sound: "M5 10v4h3l5 4V6L8 10zM16 9a4 4 0 0 1 0 6",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 10h.01M15 10h.01M8.5 14a4.5 4.5 0 0 0 7 0",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  check: "M5 12l5 5 9-10",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration only: what it means is said beside it. `turns` mirrors it where text runs from right to left. */
export function Icon({ name, turns = false }: { name: IconName; turns?: boolean }) {
  return (
    <svg className={turns ? "icon turns" : "icon"} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
