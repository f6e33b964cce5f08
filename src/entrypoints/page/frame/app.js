// The operators' page: shows the status of the worker, which comes once a second while the page is visible.
import { request } from "../base/api.js";
import { at, clock, make, phrase, put, sentence, since, span } from "../base/dom.js";
import { events } from "../views/events.js";
import { jobView } from "../letters/jobs.js";
import { keepToken } from "../base/kept.js";
import { help, startKeys } from "./keys.js";
import { listen, startLive } from "./live.js";
import { letters } from "../letters/letters.js";
import { messageView } from "../views/message.js";
import { overview } from "../views/overview.js";
import { streams, workers } from "../views/places.js";
import * as router from "./router.js";
import { catchUp, remember } from "./samples.js";
import { batchView, findView, orderView, skuView } from "../views/stock.js";
import { startTheme } from "./theme.js";
import { tryIt } from "../views/try_it.js";

const PERIOD_MS = 1000;
const LATE_MS = 2500; // a status that the worker should have sent meanwhile is asked for

const LOOKS = {
  healthy: ["good", "✓ Healthy"],
  starting: ["warn", "◌ Starting"],
  degraded: ["warn", "! Degraded"],
  not_ready: ["bad", "✕ Not ready"],
  stopping: ["warn", "◌ Stopping"],
};

function troubleItem(trouble, now) {
  const next = put(make("p"), make("b", "Next: "), ...phrase(trouble.advice), "More: ", make("code", trouble.doc));
  return put(make("li"), put(make("strong"), ...phrase(trouble.text)), "For ", since(trouble.since, now), ". ", sentence(trouble.effect), next);
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
  at("at").replaceChildren(clock(status.at));
  remember(status);
  router.show(status);
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

const REFUSALS = {
  401: "The worker refuses to answer without the right token",
  429: "The worker looks at no token for a minute, because too many wrong ones came from this address",
};

async function ask() {
  const response = await request("admin/status"), refusal = REFUSALS[response.status];
  at("token").hidden = !refusal;
  if (refusal) throw new Error(refusal);
  if (!response.ok) throw new Error(`The worker answered ${response.status}`);
  return response.json();
}

function askIn(ms) {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, ms);
}

function showAnswer(status) {
  answeredAt = Date.now();
  at("stale").hidden = true;
  show(status);
}

async function refresh() {
  clearTimeout(timer);
  try {
    showAnswer(await ask());
  } catch (error) {
    showStale(error.name === "TypeError" ? "It cannot be reached" : error.message);
  }
  askIn(PERIOD_MS);
}

// A worker of an older version has no past figures: then the charts begin with the page.
function resume() {
  catchUp().catch(() => {});
  return refresh();
}

// While the worker sends its status, nothing is asked.
listen("status", (status) => {
  showAnswer(status);
  askIn(LATE_MS);
});

listen("dead-letters", (letters) => {
  const status = router.status();
  if (status) show({ ...status, dead_letters: letters });
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else resume();
});

at("token").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(at("token-value").value);
  at("token-value").value = "";
});

document.addEventListener("token-given", refresh);

const VIEWS = {
  "": overview,
  events,
  dead: letters,
  streams,
  workers,
  try: tryIt,
  help,
  job: jobView,
  sku: skuView,
  batch: batchView,
  order: orderView,
  find: findView,
  message: messageView,
};

startTheme();
startKeys();
for (const [name, view] of Object.entries(VIEWS)) router.register(name, view);
router.start(at("view"));
startLive();
resume();
