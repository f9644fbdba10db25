// The buttons of a message or of one of its cards.
import type { Entry, Link, Part } from "../sim/types.ts";
import { Icon } from "../ui/Icon.tsx";
import { type Actions, useActions } from "./actions.ts";

export function Choices({ part, entry }: { part: Part & { list_button?: string }; entry: Entry }) {
  const actions = useActions();
  const buttons = part.choices?.filter((choice) => choice.kind === "button") ?? [];
  const links = part.links ?? [];
  if (buttons.length + links.length === 0 && !part.list_button) return null;
  return (
    <div className="choices">
      {buttons.map((choice) => (
        <button key={choice.id} type="button" dir="auto" onClick={() => actions.tap(entry, choice.id)}>
          {choice.title}
        </button>
      ))}
      {part.list_button ? (
        <button type="button" aria-haspopup="dialog" onClick={() => actions.openList(entry)}>
          <Icon name="list" /> <bdi>{part.list_button}</bdi>
        </button>
      ) : null}
      {links.map((link, at) => (
        <Follow key={at} link={link} entry={entry} />
      ))}
    </div>
  );
}

function Follow({ link, entry }: { link: Link; entry: Entry }) {
  const actions = useActions();
  if (/^(https?:\/\/|tel:)/.test(link.url ?? "")) {
    return (
      <a href={link.url} target="_blank" rel="noopener noreferrer">
        <bdi>{link.title}</bdi> ↗
      </a>
    );
  }
  const form = link.kind === "flow";
  return (
    <button type="button" aria-haspopup={form ? "dialog" : undefined} onClick={() => follow(link, entry, actions)}>
      {form ? <Icon name="form" /> : null} <bdi>{link.title}</bdi>
    </button>
  );
}

/** What the phone does when somebody follows a request; forms are opened, the rest answers with sample data. */
function follow(link: Link, entry: Entry, { send, openForm }: Actions): void {
  const quote = { quote: entry.wamid };
  switch (link.kind) {
    case "flow":
      return openForm(entry);
    case "location":
      return void send({ type: "location" }, quote);
    case "contact":
      return void send({ type: "contacts", requested: true }, quote);
    case "address":
      return void send({ type: "address_reply", wamid: entry.wamid });
    case "catalog":
    case "product":
      return void send({ type: "order" }, quote);
    default:
      return void navigator.clipboard?.writeText(link.title.split(" ").at(-1) ?? "");
  }
}
