// One message: text, media, cards, buttons, ticks.
import { openMessage } from "/attach.js";
import { make, send } from "/phone.js";

const TICKS = { accepted: "◷", sent: "✓", delivered: "✓✓", read: "✓✓", played: "✓✓", failed: "!" };
const PLAIN = ["text", "button", "list", "button_reply", "list_reply", "image", "sticker", "reaction"];
const ICONS = { image: "▣", video: "▶", audio: "♪", voice: "♪", document: "≡", sticker: "☺" };
const PREVIEWS = ["image", "sticker"];

/** A row of the chat. `act` has `tap(choice)` and `list()`. */
export function bubbleRow(entry, quoted, act) {
  const item = make("li", entry.author === "person" ? "row-out" : "row-in");
  const bubble = make("div", "bubble");
  for (const note of entry.notes ?? []) bubble.append(make("p", "note", note));
  if (quoted) bubble.append(make("p", "quote", quoted.text || label(quoted)));
  if (entry.media) bubble.append(attachment(entry.media));
  if (entry.header) bubble.append(make("p", "head", entry.header));
  if (entry.text) bubble.append(entry.kind === "reaction" ? make("p", "emoji", entry.text) : formatted(entry.text));
  for (const line of entry.details ?? []) bubble.append(make("p", "detail", line));
  if (!PLAIN.includes(entry.kind)) bubble.append(make("p", "kind", label(entry)));
  if (entry.footer) bubble.append(make("p", "foot", entry.footer));
  if (entry.error) bubble.append(make("p", "error", `${entry.error.code} · ${entry.error.title}`));
  bubble.append(meta(entry));
  item.append(bubble);
  if (entry.cards?.length) item.append(cards(entry, act));
  const box = choices(entry, entry, act);
  if (box.childElementCount) item.append(box);
  return item;
}

function label(entry) {
  if (entry.kind === "reaction" && !entry.text) return "reaction removed";
  return entry.kind.replaceAll("_", " ");
}

/** A preview of what the simulator holds; a labelled box for everything else. */
function attachment(media) {
  const kind = media.voice ? "voice" : media.kind;
  const name = media.filename ?? (media.voice ? "voice message" : media.kind);
  if (PREVIEWS.includes(media.kind) && media.id) {
    const image = make("img", media.kind);
    image.src = `/_sim/media/${encodeURIComponent(media.id)}`;
    image.alt = name;
    image.addEventListener("error", () => image.replaceWith(box(kind, name, "no longer kept")));
    return image;
  }
  return box(kind, name, media.link ?? "");
}

function box(kind, name, hint) {
  const element = make("div", "media");
  const icon = make("span", "media-icon", ICONS[kind] ?? "•");
  icon.setAttribute("aria-hidden", "true");
  const words = make("span", "media-words", name);
  if (hint) words.append(make("small", "", hint));
  element.append(icon, words);
  return element;
}

function cards(entry, act) {
  const list = make("div", "cards");
  list.tabIndex = 0;
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", `${entry.cards.length} cards`);
  for (const card of entry.cards) {
    const element = make("div", "card");
    const bubble = make("div", "bubble");
    if (card.media) bubble.append(attachment(card.media));
    if (card.text) bubble.append(formatted(card.text));
    if (bubble.childElementCount) element.append(bubble);
    element.append(choices(card, entry, act));
    list.append(element);
  }
  return list;
}

/** *bold*, _italic_ and ~strike~ as WhatsApp shows them. */
function formatted(text) {
  const body = make("p", "body");
  const tags = { "*": "strong", "_": "em", "~": "s" };
  for (const part of text.split(/(\*[^*\n]+\*|_[^_\n]+_|~[^~\n]+~)/)) {
    const tag = part.length > 2 && part.at(0) === part.at(-1) && tags[part.at(0)];
    body.append(tag ? make(tag, "", part.slice(1, -1)) : part);
  }
  return body;
}

function meta(entry) {
  const line = make("div", "meta");
  const more = make("button", "more", "⋯");
  more.type = "button";
  more.setAttribute("aria-label", "Answer, react and more");
  more.setAttribute("aria-haspopup", "dialog");
  more.addEventListener("click", () => openMessage(entry));
  const time = make("time", "", new Date(entry.at_ms).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = new Date(entry.at_ms).toISOString();
  const ticks = make("span", `ticks ${entry.status}`, TICKS[entry.status]);
  ticks.setAttribute("role", "img");
  ticks.setAttribute("aria-label", entry.status);
  ticks.title = entry.status;
  line.append(more, time, ticks);
  return line;
}

/** The buttons of a message or of one of its cards. */
function choices(part, entry, act) {
  const box = make("div", "choices");
  const button = (title, click) => {
    const element = make("button", "", title);
    element.type = "button";
    element.addEventListener("click", click);
    box.append(element);
    return element;
  };
  for (const choice of part.choices?.filter((c) => c.kind === "button") ?? []) button(choice.title, () => act.tap(choice));
  if (part.list_button) button(`☰ ${part.list_button}`, act.list).setAttribute("aria-haspopup", "dialog");
  for (const link of part.links ?? []) {
    if (/^(https?:\/\/|tel:)/.test(link.url ?? "")) box.append(anchor(link));
    else button(link.title, () => follow(link, entry));
  }
  return box;
}

function anchor(link) {
  const element = make("a", "", `${link.title} ↗`);
  element.href = link.url;
  element.target = "_blank";
  element.rel = "noopener noreferrer";
  return element;
}

/** What the phone sends back when somebody follows a request; with sample data. */
function follow(link, entry) {
  const quote = { quote: entry.wamid };
  if (link.kind === "location") return send({ type: "location" }, quote);
  if (link.kind === "contact") return send({ type: "contacts", requested: true }, quote);
  if (link.kind === "address") return send({ type: "address_reply", wamid: entry.wamid });
  if (link.kind === "flow") return send({ type: "flow_reply", wamid: entry.wamid, response: { answer: "sample" } });
  if (link.kind === "catalog" || link.kind === "product") return send({ type: "order" }, quote);
  return navigator.clipboard?.writeText(link.title.split(" ").at(-1));
}
