// The operators' page: shows what GET /admin/status says, once a second while the page is visible.
"use strict";

const PERIOD_MS = 1000;
const ANSWER_MS = 5000; // an answer that takes longer is none
const UNKNOWN = "–";

const LOOKS = {
  healthy: ["good", "✓ Healthy"],
  starting: ["warn", "◌ Starting"],
  degraded: ["warn", "! Degraded"],
  not_ready: ["bad", "✕ Not ready"],
  stopping: ["warn", "◌ Stopping"],
};

const at = (id) => document.getElementById(id);

// A browser may refuse to keep anything; then it is forgotten with the page.
const kept = new Map();

function keep(store, key, value) {
  kept.set(key, value);
  try { window[store].setItem(key, value); } catch { /* it is in `kept` */ }
}

function recall(store, key) {
  if (kept.has(key)) return kept.get(key);
  try { return window[store].getItem(key); } catch { return null; }
}

// Text only: nothing that a publisher or a server wrote becomes part of the page's markup.
function make(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function whole(number) {
  return number === null || number === undefined ? UNKNOWN : Math.round(number).toLocaleString("en");
}

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

// The time as a <time>: how long ago, by the worker's clock, with the instant as its title.
function since(instant, now) {
  const element = make("time", span(Date.parse(now) - Date.parse(instant)));
  element.dateTime = element.title = instant;
  return element;
}

// The worker writes these as parts of a line of its log.
function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}. `;
}

function troubleItem(trouble, now) {
  const item = make("li");
  item.append(make("strong", sentence(trouble.text)), "For ", since(trouble.since, now), ". ", sentence(trouble.effect));
  item.append(make("span", sentence(`next: ${trouble.advice}`), "quiet"), make("code", trouble.code));
  return item;
}

function figure(name, value, note) {
  const list = make("dl");
  list.append(make("dt", name), make("dd", value));
  if (note) list.append(make("dd", note, "note"));
  return list;
}

function figures(status) {
  const { doing, outputs, dead_letters: letters } = status;
  return [
    figure("handled", `${whole(doing.messages_per_s)}/s`, `${whole(doing.messages)} since its start`),
    figure("waiting", whole(doing.waiting), doing.queue_is_full ? "the queue is full" : ""),
    figure("events", `${whole(outputs.events_per_s)}/s`, `${whole(outputs.published)} since its start`),
    figure("unpublished events", whole(outputs.unpublished)),
    figure("dead letters", whole(letters.kept), letters.last_hour ? `${whole(letters.last_hour)} in the last hour` : ""),
    figure("last commit", doing.last_commit ? `${span(Date.parse(status.at) - Date.parse(doing.last_commit))} ago` : UNKNOWN),
  ];
}

function stateOf(input) {
  if (input.lease === "elsewhere") return "another worker reads it";
  if (input.lease === "nowhere") return "✕ no worker reads it";
  if (input.kind === "http") return "✓ this worker listens";
  return input.is_read ? "✓ read by this worker" : "✕ not read";
}

function row(head, ...cells) {
  const line = make("tr"), first = make("th", head);
  first.scope = "row";
  line.append(first, ...cells);
  return line;
}

function inputRow(input) {
  const counts = ["in_flight", "pending", "lost"].map((key) => make("td", whole(input[key]), "number"));
  return row(input.name, make("td", stateOf(input)), ...counts);
}

function workerRow(worker) {
  return row(worker.name + (worker.is_this ? " (this one)" : ""), make("td", worker.leases.join(", ") || UNKNOWN));
}

// For screen readers: the state, and what has begun or ended; the figures change every second.
function announce(words, troubles) {
  const said = at("announced"), key = [words, ...troubles.map((trouble) => trouble.code)].join();
  if (said.dataset.key === key) return;
  said.dataset.key = key;
  said.textContent = [words, ...troubles.map((trouble) => trouble.text)].join(". ");
}

function show(status) {
  const [look, words] = LOOKS[status.state] || ["bad", status.state];
  document.title = `${words} · allocd`;
  announce(words, status.troubles);
  at("worker").textContent = `${status.name} · ${status.version}`;
  at("health").className = look;
  at("state").textContent = words;
  at("state-for").replaceChildren("for ", since(status.since, status.at));
  at("troubles").replaceChildren(...status.troubles.map((trouble) => troubleItem(trouble, status.at)));
  at("figures").replaceChildren(...figures(status));
  at("inputs").replaceChildren(...status.inputs.map(inputRow));
  at("workers").replaceChildren(...status.replicas.map(workerRow));
  at("at").dateTime = at("at").title = status.at;
  at("at").textContent = new Date(status.at).toLocaleTimeString();
}

// ---- asking ----

let answeredAt = null, timer = null;

function showStale(reason) {
  const figuresOf = answeredAt ? ` The figures are ${span(Date.now() - answeredAt)} old.` : "";
  at("stale").textContent = `${reason}.${figuresOf}`;
  at("stale").hidden = false;
  at("health").className = "bad";
  at("state").textContent = "✕ No answer from the worker";
  at("state-for").textContent = "";
  document.title = "✕ No answer · allocd";
  announce("No answer from the worker", []);
}

async function ask() {
  const token = recall("sessionStorage", "token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch("admin/status", { headers, cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
  at("token").hidden = response.status !== 401;
  if (response.status === 401) throw new Error("The worker refuses to answer without the right token");
  if (!response.ok) throw new Error(`The worker answered ${response.status}`);
  return response.json();
}

async function refresh() {
  clearTimeout(timer);
  try {
    const status = await ask();
    answeredAt = Date.now();
    at("stale").hidden = true;
    show(status);
  } catch (error) {
    showStale(error.name === "TypeError" ? "It cannot be reached" : error.message);
  }
  if (!document.hidden) timer = setTimeout(refresh, PERIOD_MS);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else refresh();
});

at("token").addEventListener("submit", (event) => {
  event.preventDefault();
  keep("sessionStorage", "token", at("token-value").value);
  at("token-value").value = "";
  refresh();
});

// ---- theme ----

const THEMES = ["system", "light", "dark"];

function setTheme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  at("theme-name").textContent = name;
  keep("localStorage", "theme", name);
}

at("theme").addEventListener("click", () => {
  const name = recall("localStorage", "theme") || "system";
  setTheme(THEMES[(THEMES.indexOf(name) + 1) % THEMES.length]);
});

setTheme(recall("localStorage", "theme") || "system");
refresh();
