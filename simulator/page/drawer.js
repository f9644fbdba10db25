// The drawer: trouble, clock, and the raw log.
import { alertUser, arrowKeys, call, currentPhone, make } from "/phone.js";

const $ = (id) => document.getElementById(id);
const PRESETS = [
  ["Throttled, 30 %", "Graph answers 130429", { on: "messages.send", probability: 30, code: 130429 }],
  ["Graph is down", "Every send gets 503", { on: "messages.send", status: 503 }],
  ["Gateway page, 30 %", "502 with HTML: nobody knows whether it was sent", { on: "messages.send", probability: 30, status: 502, body: "<html>Bad Gateway</html>" }],
  ["Answer cut, next one", "The message is taken, the connection breaks", { on: "messages.send", count: 1, drop_after: true }],
  ["Fails later, next one", "Taken, then a failed status (131026)", { on: "messages.send", count: 1, failed_status: 131026 }],
  ["Token expired", "Graph answers every call with 190", { on: "graph", code: 190 }],
  ["Number restricted", "Every send gets 131031", { on: "messages.send", code: 131031 }],
  ["Links not fetched", "Media by link is taken and fails (131053)", { on: "media.fetch" }],
  ["Template held, next one", "Taken for a quality check, no statuses", { on: "messages.send", count: 1, hold: true }],
  ["Limits nearly used up", "The usage headers say 97 %", { on: "graph", usage_percent: 97 }],
  ["Slow, 3 s", "Every send waits", { on: "messages.send", latency_ms: 3000 }],
  ["Webhooks doubled", "Every message arrives twice", { on: "webhook.message", duplicate: 1 }],
  ["Webhooks late, 5 s", "Everything arrives later", { on: "webhook", delay_ms: 5000 }],
  ["Webhooks out of order", "The next one overtakes", { on: "webhook", reorder: true }],
  ["Unsigned webhooks, 50 %", "The engine must refuse them", { on: "webhook", probability: 50, unsigned: true }],
  ["Wrong signatures, 50 %", "Those, too", { on: "webhook", probability: 50, wrong_signature: true }],
];
const JUMPS = [["+1 min", "1m"], ["+1 h", "1h"], ["+25 h", "25h"], ["+31 d", "31d"]];

let trouble = { rules: [] };
let logKind = "requests";
let refreshTimer = 0;

export function startDrawer(reloadChat) {
  PRESETS.forEach(([title, hint, rule]) => $("presets").append(preset(title, hint, rule)));
  for (const [label, span] of JUMPS) {
    const button = make("button", "", label);
    button.type = "button";
    button.addEventListener("click", async () => showClock(await call("POST", "/_sim/clock", { advance: span })));
    $("jumps").append(button);
  }
  for (const button of document.querySelectorAll("[data-panel]")) button.addEventListener("click", () => openPanel(button));
  arrowKeys(document.querySelector("#drawer [role=tablist]"));
  $("calm").addEventListener("click", async () => { showTrouble(await call("DELETE", "/_sim/trouble")); fillRules(); });
  $("rules-apply").addEventListener("click", applyRules);
  $("rules").closest("details").addEventListener("toggle", fillRules);
  $("reset-phone").addEventListener("click", () => call("POST", `/_sim/phones/${currentPhone()}/reset`));
  $("reset-all").addEventListener("click", async () => { await call("POST", "/_sim/reset"); reloadChat(); loadTrouble(); });
  $("show-requests").addEventListener("click", () => showLog("requests"));
  $("show-webhooks").addEventListener("click", () => showLog("webhooks"));
  $("drawer-open").addEventListener("click", () => toggleDrawer(true));
  $("drawer-close").addEventListener("click", () => toggleDrawer(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && $("drawer").classList.contains("open")) toggleDrawer(false);
  });
  loadTrouble();
}

function toggleDrawer(open) {
  $("drawer").classList.toggle("open", open);
  $("drawer-open").setAttribute("aria-expanded", String(open));
  $(open ? "drawer-close" : "drawer-open").focus();
  if (open) refreshDrawer();
}

function openPanel(chosen) {
  for (const button of document.querySelectorAll("[data-panel]")) {
    const selected = button === chosen;
    button.setAttribute("aria-selected", String(selected));
    button.tabIndex = selected ? 0 : -1;
    $(`panel-${button.dataset.panel}`).hidden = !selected;
  }
  if (chosen.dataset.panel === "clock") call("GET", "/_sim/clock").then(showClock);
  if (chosen.dataset.panel === "trouble") loadTrouble();
  refreshDrawer();
}

function preset(title, hint, rule) {
  const label = make("label");
  const box = make("input");
  box.type = "checkbox";
  box.dataset.rule = JSON.stringify(rule);
  box.addEventListener("change", async () => {
    const others = trouble.rules.filter((r) => !same(r, rule));
    await putTrouble({ ...trouble, rules: box.checked ? [...others, rule] : others });
  });
  const words = make("span", "", title);
  words.append(make("small", "", hint));
  label.append(box, words);
  return label;
}

/** Rules come back with defaults filled in; the order of keys differs. */
function same(a, b) {
  const key = (rule) => JSON.stringify(Object.entries({ probability: 100, ...rule }).sort());
  return key(a) === key(b);
}

async function putTrouble(next) {
  showTrouble(await call("PUT", "/_sim/trouble", next) ?? trouble);
}

async function loadTrouble() {
  showTrouble(await call("GET", "/_sim/trouble"));
}

function showTrouble(next) {
  if (!next) return;
  trouble = next;
  // Not under the hands of somebody who edits.
  if (!$("rules").closest("details").open || $("rules").value === "") fillRules();
  for (const box of $("presets").querySelectorAll("input")) {
    const rule = JSON.parse(box.dataset.rule);
    box.checked = trouble.rules.some((r) => same(r, rule));
  }
}

function fillRules() {
  $("rules").value = JSON.stringify(trouble, null, 2);
}

async function applyRules() {
  try {
    await putTrouble(JSON.parse($("rules").value));
  } catch (error) {
    alertUser(`Not JSON: ${error.message}`);
  }
}

function showClock(clock) {
  if (!clock) return;
  const now = new Date(clock.now_ms);
  $("now").textContent = now.toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" });
  $("now").dateTime = now.toISOString();
}

function showLog(kind) {
  logKind = kind;
  $("show-requests").setAttribute("aria-pressed", String(kind === "requests"));
  $("show-webhooks").setAttribute("aria-pressed", String(kind === "webhooks"));
  refreshDrawer();
}

/** Asked after every change on the phone; reads once for many, and only what is looked at. */
export function refreshDrawer() {
  if (refreshTimer) return;
  refreshTimer = setTimeout(async () => {
    refreshTimer = 0;
    if (!$("panel-trouble").hidden) loadTrouble(); // counted rules are used up
    if ($("panel-log").hidden) return;
    const log = await call("GET", `/_sim/${logKind}?limit=50`);
    if (log) fillLog(log.items);
  }, 150);
}

function fillLog(items) {
  const open = new Set([...$("log").querySelectorAll("details[open]")].map((d) => d.dataset.key));
  const rows = items.map((item) => {
    const row = logRow(item);
    row.open = open.has(row.dataset.key);
    return row;
  });
  $("log").replaceChildren(...(rows.length ? rows : [make("p", "hint", "Nothing yet.")]));
}

function logRow(item) {
  const row = make("details");
  row.dataset.key = `${logKind}${item.seq}`;
  const summary = make("summary");
  summary.append(make("b", item.status === 200 ? "" : "bad", item.status || "cut"));
  const what = item.path ? `${item.method} ${item.path.split("/").slice(-1)}` : item.kind;
  const extra = [item.code && `code ${item.code}`, item.attempt > 1 && `try ${item.attempt}`, item.error, item.trouble && "trouble"];
  summary.append(make("span", "", [what, ...extra.filter(Boolean)].join(" · ")));
  summary.append(make("time", "", new Date(item.at_ms).toLocaleTimeString()));
  row.append(summary);
  for (const [title, text] of [["near miss", item.near_miss], ["request", item.request], ["answer", item.response]]) {
    if (!text) continue;
    const pre = make("pre", "", pretty(text));
    pre.dataset.title = title;
    row.append(pre);
  }
  return row;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
