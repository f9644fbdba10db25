// The bar over the chat: who this phone belongs to, the link to the stand-in, the 24 hour window.
import type { PhoneInfo, Window } from "../sim/types.ts";
import { locale, t } from "../words/words.ts";

interface PeerProps {
  phone: PhoneInfo;
  linked: boolean;
  window: Window | null;
}

export function Peer({ phone, linked, window }: PeerProps) {
  const initials = phone.name.split(" ").map((part) => [...part][0] ?? "");
  const number = phone.hides_number ? (phone.username ?? phone.user_id) : `+${phone.wa_id}`;
  return (
    <header className="peer">
      <span className="avatar" aria-hidden="true">
        {initials.slice(0, 2).join("")}
      </span>
      <span className="who">
        <strong dir="auto">{phone.name}</strong>
        <small>
          <bdi dir="ltr">{number}</bdi>
        </small>
      </span>
      <span className="link">
        <span role="status">{linked ? "" : t("connecting")}</span>
        {window ? <small>{windowText(window)}</small> : null}
      </span>
    </header>
  );
}

function windowText(window: Window): string {
  const time = (ms: number) =>
    new Date(ms).toLocaleString(locale, { weekday: "short", hour: "2-digit", minute: "2-digit" });
  const state = window.open ? t("window_open", { time: time(window.until_ms) }) : t("window_closed");
  return window.entry_point_until_ms
    ? `${state} · ${t("free_until", { time: time(window.entry_point_until_ms) })}`
    : state;
}
