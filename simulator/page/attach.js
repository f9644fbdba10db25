// What a person can do besides typing: attach, react, edit, move, hide, block.
import { answer, call, currentPerson, currentPhone, edit, make, openSheet, option, refreshPerson, send } from "/phone.js";

const KINDS = [
  ["Photo", "a JPEG with a caption", { type: "image", caption: "Have a look" }],
  ["Video", "a clip of one second", { type: "video" }],
  ["Voice message", "Ogg, one second", { type: "audio" }],
  ["Sound file", "not a voice message", { type: "audio", voice: false }],
  ["Document", "order.pdf", { type: "document" }],
  ["Sticker", "", { type: "sticker" }],
  ["Location", "Town Hall, Leeds", { type: "location" }],
  ["Contact", "Tola B", { type: "contacts" }],
  ["Order", "a cart with two products", { type: "order" }],
  ["Something Meta does not pass on", "a poll, arrives as unsupported", { type: "unsupported" }],
];
const EMOJI = ["👍", "❤️", "😂"];

export function openAttach() {
  const rows = KINDS.map(([title, hint, content]) => option(title, hint, () => send(content)));
  rows.push(make("h3", "", "How it comes"));
  const text = { type: "text", body: "Tell me more" };
  rows.push(option("From an ad", "with its referral; opens a free entry point", () => send(text, { from_ad: true })));
  rows.push(option("Forwarded", "", () => send({ ...text, body: "Look at this" }, { forwarded: "once" })));
  rows.push(option("Forwarded many times", "", () => send({ ...text, body: "Look at this" }, { forwarded: "often" })));
  rows.push(make("h3", "", "This person"), ...person());
  rows.push(make("h3", "", "The business"));
  rows.push(option("Writes on its own phone", "an echo; a human took over", () => {
    act("business-wrote", { text: "It is me, from the shop. How can I help?" });
  }));
  openSheet("Send", rows);
}

function person() {
  const who = currentPerson();
  const [hidden, stopped, blocked] = [who.hides_number, who.stopped_marketing, who.blocks_business];
  const username = hidden ? "" : `${who.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, ".")}`;
  return [
    option("Move to another number", "number and user id change", () => act("change-number", {})),
    option(hidden ? "Show the number again" : "Adopt a username", "webhooks then carry the user id only", () => {
      act("profile", { username, hides_number: !hidden }, "PUT");
    }),
    option(stopped ? "Resume marketing" : "Stop marketing", "user_preferences; 131050 from then on", () => act("marketing", { stopped: !stopped })),
    option(blocked ? "Unblock the business" : "Block the business", "nothing is delivered, nobody is told", () => act("block", { blocked: !blocked })),
  ];
}

async function act(verb, body, method = "POST") {
  await call(method, `/_sim/phones/${currentPhone()}/${verb}`, body);
  await refreshPerson();
}

/** What can be done with one message. */
export function openMessage(entry) {
  const wamid = entry.wamid;
  const rows = [option("Answer", "quotes it", () => answer(entry))];
  for (const emoji of EMOJI) rows.push(option(`React ${emoji}`, "", () => send({ type: "reaction", wamid, emoji })));
  rows.push(option("Take the reaction back", "", () => send({ type: "reaction", wamid })));
  if (entry.author === "person" && entry.kind === "text") rows.push(option("Edit", "within 15 minutes, on WhatsApp", () => edit(entry)));
  if (entry.author === "person") rows.push(option("Delete for everyone", "", () => send({ type: "revoke", wamid })));
  if (entry.author === "business") rows.push(...statuses(entry));
  openSheet("This message", rows);
}

function statuses(entry) {
  const path = `/_sim/phones/${currentPhone()}/status`;
  const status = (status, more) => call("POST", path, { wamid: entry.wamid, status, ...more });
  return [
    make("h3", "", "Status webhooks"),
    option("Delivered", "", () => status("delivered")),
    option("Read", "", () => status("read")),
    option("Played", "of a voice message", () => status("played")),
    option("Failed, 131026", "undeliverable", () => status("failed")),
    option("Failed, 131049", "withheld by Meta", () => status("failed", { code: 131049 })),
  ];
}
