// The phone: tabs, chat, composer. Text from anyone goes to the page by textContent only.
import { openAttach } from "/attach.js";
import { bubbleRow } from "/bubble.js";
import { startDrawer, refreshDrawer } from "/drawer.js";

const $ = (id) => document.getElementById(id);
const state = { phones: [], phone: 1, rows: new Map(), events: null, quote: null, editing: null };

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
  answer(null);
  state.editing = null;
  showPerson();
  listen(phone);
  reload();
}

export const currentPerson = () => state.phones.find((p) => p.phone === state.phone);

/** Asks again who the phone is, after it moved, hid or blocked. */
export async function refreshPerson() {
  const phones = await call("GET", "/_sim/phones");
  if (phones) state.phones = phones.items;
  showPerson();
}

function showPerson() {
  const who = currentPerson();
  document.title = `Phone ${who.phone} · ${who.name}`;
  $("name").textContent = who.name;
  $("number").textContent = who.hides_number ? who.username ?? who.user_id : `+${who.wa_id}`;
  $("initials").textContent = who.name.split(" ").map((part) => [...part][0] ?? "").slice(0, 2).join("");
}

async function showWindow() {
  const phone = state.phone;
  const window = (await call("GET", `/_sim/phones/${phone}/windows`))?.items[0];
  if (!window || phone !== state.phone) return;
  const time = (ms) => new Date(ms).toLocaleString(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });
  const free = window.entry_point_until_ms ? ` · free until ${time(window.entry_point_until_ms)}` : "";
  $("window").textContent = (window.open ? `open until ${time(window.until_ms)}` : "window closed") + free;
}

/** One stream at a time: browsers allow six connections to a host. */
function listen(phone) {
  state.events?.close();
  const events = new EventSource(`/_sim/phones/${phone}/events`);
  const row = (event) => { show(JSON.parse(event.data)); refreshDrawer(); };
  events.addEventListener("message", (event) => { row(event); showWindow(); });
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
  showWindow();
  refreshDrawer();
}

function show(entry) {
  const chat = $("chat");
  const old = state.rows.get(entry.wamid);
  const atEnd = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80;
  const item = bubbleRow(entry, state.rows.get(entry.context)?.entry, { tap: (c) => choose("tap", entry, c), list: () => openList(entry) });
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

function choose(verb, entry, choice) {
  call("POST", `/_sim/phones/${state.phone}/${verb}`, { id: choice.id, wamid: entry.wamid });
  $("text").focus();
}

function openList(entry) {
  const rows = [];
  let section;
  for (const choice of entry.choices.filter((c) => c.kind === "row")) {
    if (choice.section && choice.section !== section) rows.push(make("h3", "", choice.section));
    section = choice.section;
    rows.push(option(choice.title, choice.description, () => choose("pick", entry, choice)));
  }
  openSheet(entry.list_button, rows);
}

/** A row of a sheet; choosing it closes the sheet. */
export function option(title, hint, act) {
  const button = make("button", "option", title);
  button.type = "button";
  if (hint) button.append(make("small", "", hint));
  button.addEventListener("click", () => { $("sheet").close(); act(); });
  return button;
}

export function openSheet(title, rows) {
  $("sheet-title").textContent = title;
  $("sheet-rows").replaceChildren(...rows);
  $("sheet").showModal();
}

/** The phone sends a message of any kind; quoting what is being answered. */
export async function send(content, more = {}) {
  const quote = state.quote ? { quote: state.quote } : {};
  const sent = await call("POST", `/_sim/phones/${state.phone}/send`, { content, ...quote, ...more });
  if (sent) answer(null);
  $("text").focus();
  return sent;
}

/** The next message answers this one. */
export function answer(entry) {
  state.quote = entry?.wamid;
  $("quoting").hidden = !entry;
  $("quoted").textContent = entry ? entry.text || entry.kind : "";
  if (entry) $("text").focus();
}

/** What was typed next changes this message. */
export function edit(entry) {
  state.editing = entry.wamid;
  $("text").value = entry.text;
  $("text").focus();
  fit();
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
  const wamid = state.editing;
  if (await send(wamid ? { type: "edit", wamid, body: text } : { type: "text", body: text })) {
    state.editing = null;
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
$("attach").addEventListener("click", openAttach);
$("unquote").addEventListener("click", () => { answer(null); $("text").focus(); });
$("text").addEventListener("keydown", (event) => { if (event.key === "Escape") { answer(null); state.editing = null; } });
$("sheet-close").addEventListener("click", () => $("sheet").close());
$("sheet").addEventListener("click", (event) => { if (event.target === $("sheet")) $("sheet").close(); });
arrowKeys($("tabs"));
start();
