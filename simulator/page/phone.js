// The phone: tabs, chat, composer. Text from anyone goes to the page by textContent only.
import { startDrawer, refreshDrawer } from "/drawer.js";

const $ = (id) => document.getElementById(id);
const state = { phones: [], phone: 1, rows: new Map(), events: null };
const TICKS = { accepted: "◷", sent: "✓", delivered: "✓✓", read: "✓✓", failed: "!" };

/** Makes an element with a class and text. */
export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Calls the control surface; shows the problem's sentence if it refuses. */
export async function call(method, path, body) {
  try {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const json = await answer.json();
    if (answer.ok) return json;
    alertUser(json.detail ?? `${answer.status}`);
  } catch {
    alertUser("The simulator does not answer.");
  }
  return null;
}

let alertTimer = 0;
export function alertUser(text) {
  $("alert").textContent = text;
  $("alert").hidden = false;
  clearTimeout(alertTimer);
  alertTimer = setTimeout(() => { $("alert").hidden = true; }, 6000);
}

export const currentPhone = () => state.phone;

async function start() {
  const phones = await call("GET", "/_sim/phones");
  state.phones = phones?.items ?? [];
  const asked = Number(new URLSearchParams(location.search).get("phone") ?? 1);
  for (const phone of state.phones) $("tabs").append(tab(phone));
  if (state.phones.length > 0) select(state.phones.some((p) => p.phone === asked) ? asked : 1);
  startDrawer(reload);
}

function tab(phone) {
  const button = make("button", "", `Phone ${phone.phone}`);
  button.type = "button";
  button.setAttribute("role", "tab");
  button.setAttribute("aria-controls", "phone");
  button.dataset.phone = phone.phone;
  button.title = phone.name;
  button.addEventListener("click", () => select(phone.phone));
  return button;
}

/** Arrow keys move through a list of tabs. */
export function arrowKeys(list) {
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const tabs = [...list.querySelectorAll("[role=tab]")];
    const at = tabs.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = tabs[(at + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
  });
}

function select(phone) {
  state.phone = phone;
  for (const button of $("tabs").children) {
    const chosen = Number(button.dataset.phone) === phone;
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  const who = state.phones.find((p) => p.phone === phone);
  document.title = `Phone ${phone} · ${who.name}`;
  $("name").textContent = who.name;
  $("number").textContent = who.hides_number ? who.username ?? who.user_id : `+${who.wa_id}`;
  $("initials").textContent = who.name.split(" ").map((part) => [...part][0] ?? "").slice(0, 2).join("");
  listen(phone);
  reload();
}

/** One stream at a time: browsers allow six connections to a host. */
function listen(phone) {
  state.events?.close();
  const events = new EventSource(`/_sim/phones/${phone}/events`);
  const row = (event) => { show(JSON.parse(event.data)); refreshDrawer(); };
  events.addEventListener("message", row);
  events.addEventListener("status", row);
  events.addEventListener("typing", showTyping);
  events.addEventListener("reset", reload);
  events.onopen = () => { $("link").textContent = ""; reload(); };
  events.onerror = () => { $("link").textContent = "connecting…"; };
  state.events = events;
}

async function reload() {
  const phone = state.phone;
  const transcript = await call("GET", `/_sim/phones/${phone}/transcript`);
  if (!transcript || phone !== state.phone) return;
  state.rows.clear();
  $("chat").replaceChildren();
  if (transcript.items.length === 0) $("chat").append(make("li", "empty", "Nothing said yet. Write “hi”."));
  transcript.items.forEach(show);
  refreshDrawer();
}

function show(entry) {
  const chat = $("chat");
  const old = state.rows.get(entry.wamid);
  const atEnd = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80;
  const item = bubbleRow(entry);
  state.rows.set(entry.wamid, { entry, item });
  if (old) {
    keepFocus(old.item, item);
    return;
  }
  chat.querySelector(".empty")?.remove();
  if (entry.author === "business") chat.querySelector(".typing")?.remove();
  const last = [...state.rows.values()].at(-2)?.entry;
  const day = (e) => new Date(e.at_ms).toDateString();
  if (!last || day(last) !== day(entry)) chat.append(make("li", "day", dayName(entry.at_ms)));
  chat.append(item);
  if (atEnd || entry.author === "person") chat.scrollTop = chat.scrollHeight;
}

/** Ticks move while somebody may stand on a button of the same message. */
function keepFocus(old, item) {
  const buttons = [...old.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  old.replaceWith(item);
  if (at >= 0) item.querySelectorAll("button")[at]?.focus();
}

function dayName(ms) {
  return new Date(ms).toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}

function bubbleRow(entry) {
  const item = make("li", entry.author === "person" ? "row-out" : "row-in");
  const bubble = make("div", "bubble");
  const quoted = entry.author === "person" && state.rows.get(entry.context)?.entry;
  if (quoted) bubble.append(make("p", "quote", quoted.text));
  if (entry.header) bubble.append(make("p", "head", entry.header));
  if (entry.text) bubble.append(formatted(entry.text));
  if (!entry.text || !["text", "button", "list", "button_reply", "list_reply"].includes(entry.kind)) {
    bubble.append(make("p", "kind", entry.kind.replaceAll("_", " ")));
  }
  if (entry.footer) bubble.append(make("p", "foot", entry.footer));
  if (entry.error) bubble.append(make("p", "error", `${entry.error.code} · ${entry.error.title}`));
  bubble.append(meta(entry));
  item.append(bubble);
  if (entry.choices?.length) item.append(choices(entry));
  return item;
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
  const time = make("time", "", new Date(entry.at_ms).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = new Date(entry.at_ms).toISOString();
  const ticks = make("span", `ticks ${entry.status}`, TICKS[entry.status]);
  ticks.setAttribute("role", "img");
  ticks.setAttribute("aria-label", entry.status);
  ticks.title = entry.status;
  line.append(time, ticks);
  return line;
}

function choices(entry) {
  const box = make("div", "choices");
  for (const choice of entry.choices.filter((c) => c.kind === "button")) {
    const button = make("button", "", choice.title);
    button.type = "button";
    button.addEventListener("click", () => choose("tap", entry, choice));
    box.append(button);
  }
  if (entry.list_button) {
    const button = make("button", "", `☰ ${entry.list_button}`);
    button.type = "button";
    button.setAttribute("aria-haspopup", "dialog");
    button.addEventListener("click", () => openSheet(entry));
    box.append(button);
  }
  return box;
}

function choose(verb, entry, choice) {
  call("POST", `/_sim/phones/${state.phone}/${verb}`, { id: choice.id, wamid: entry.wamid });
  $("text").focus();
}

function openSheet(entry) {
  const rows = [];
  let section;
  for (const choice of entry.choices) {
    if (choice.section && choice.section !== section) rows.push(make("h3", "", choice.section));
    section = choice.section;
    const button = make("button", "option", choice.title);
    button.type = "button";
    if (choice.description) button.append(make("small", "", choice.description));
    button.addEventListener("click", () => { $("sheet").close(); choose("pick", entry, choice); });
    rows.push(button);
  }
  $("sheet-title").textContent = entry.list_button;
  $("sheet-rows").replaceChildren(...rows);
  $("sheet").showModal();
}

let typingTimer = 0;
function showTyping() {
  const chat = $("chat");
  chat.querySelector(".typing")?.remove();
  chat.append(make("li", "typing", "typing…"));
  chat.scrollTop = chat.scrollHeight;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => chat.querySelector(".typing")?.remove(), 25000);
}

async function sendText() {
  const text = $("text").value;
  if (!text.trim()) return;
  if (await call("POST", `/_sim/phones/${state.phone}/text`, { text })) {
    $("text").value = "";
    fit();
  }
}

/** The field grows with what is written, by whole rows: the policy allows no inline style. */
function fit() {
  $("text").rows = Math.min(5, $("text").value.split("\n").length);
}

$("compose").addEventListener("submit", (event) => { event.preventDefault(); sendText(); });
$("text").addEventListener("input", fit);
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendText();
});
$("sheet-close").addEventListener("click", () => $("sheet").close());
$("sheet").addEventListener("click", (event) => { if (event.target === $("sheet")) $("sheet").close(); });
arrowKeys($("tabs"));
start();
