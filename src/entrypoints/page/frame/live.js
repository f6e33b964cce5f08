// The one connection to GET /admin/live, which carries all that this page watches: server-sent events over
// fetch(), which can send the token.  While the page is hidden there is none, because a browser allows few
// connections to one host.
import { request } from "../base/api.js";
import { parse } from "../base/exact.js";

const RETRY_MS = 2000, REFUSED_MS = 10000;
const SILENCE_MS = 20000; // the worker sends a comment every 15 s

// Yields each event of the response as { name, data, id }, and an id that comes alone without name and data.
async function* eventsOf(response, onBytes) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    onBytes();
    text += read.value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const fields = new Map(part.split("\n").map((line) => line.split(/: ?(.*)/s)));
      const data = fields.has("data") ? parse(fields.get("data")) : undefined;
      if (fields.has("data") || fields.has("id")) yield { name: fields.get("event"), data, id: fields.get("id") };
    }
  }
}

async function refusalOf(response) {
  const problem = await response.json().catch(() => ({}));
  return problem.message || `The worker answered ${response.status}`;
}

const TOPICS = ["status", "dead-letters", "jobs"];

const listeners = new Map(); // by the name of an event
let watched = null; // what shows events: { filter, on, lost, last }
let attempt = null, timer = null, silence = null;

function queryOf() {
  const query = new URLSearchParams(watched?.filter);
  query.set("topics", [...TOPICS, ...(watched ? ["events"] : [])].join());
  return query;
}

function dispatch(name, data) {
  watched?.on(name, data);
  for (const act of listeners.get(name) || []) act(data);
}

function awaitBytes(stop) {
  clearTimeout(silence);
  silence = setTimeout(() => stop.abort(new Error("The worker is silent")), SILENCE_MS);
}

async function receive(stop) {
  const headers = watched?.last ? { "Last-Event-ID": watched.last } : {};
  const response = await request(`admin/live?${queryOf()}`, { headers, signal: stop.signal });
  if (!response.ok) throw Object.assign(new Error(await refusalOf(response)), { pause: REFUSED_MS });
  dispatch("connected");
  for await (const { name, data, id } of eventsOf(response, () => awaitBytes(stop))) {
    if (stop !== attempt) return;
    if (id && watched) watched.last = id;
    if (name) dispatch(name, data);
  }
  throw new Error("The worker ended the connection");
}

function end() {
  clearTimeout(timer);
  clearTimeout(silence);
  const ended = attempt;
  attempt = null;
  ended?.abort();
}

// Begins the connection anew; it is made again each time when it is lost.
async function connect() {
  end();
  if (document.hidden) return;
  const stop = attempt = new AbortController();
  awaitBytes(stop);
  try {
    await receive(stop);
  } catch (error) {
    if (stop !== attempt) return; // it was ended here
    end();
    watched?.lost(error.name === "TypeError" ? "The worker cannot be reached" : error.message);
    timer = setTimeout(connect, error.pause || RETRY_MS);
  }
}

// One view is closed before the next one is opened: both are one change of what is watched.
function connectSoon() {
  end();
  timer = setTimeout(connect, 0);
}

// Calls `act(data)` for each event of that name: "status", "dead-letters", "job"; and "connected", without data, each
// time when the connection is there, perhaps to a worker that has started since: all of its jobs follow.
export function listen(name, act) {
  const acts = listeners.get(name) || new Set();
  listeners.set(name, acts.add(act));
  return { close: () => acts.delete(act) };
}

// Watches the events that pass the filter: `on(name, data)` is called for each event of any name, "connected" included,
// `lost(reason)` each time when the connection is lost.
export function watch(filter, handlers) {
  const own = watched = { filter, ...handlers };
  connectSoon();
  return {
    close() {
      if (watched !== own) return;
      watched = null;
      connectSoon();
    },
  };
}

export function startLive() {
  document.addEventListener("visibilitychange", connect);
  document.addEventListener("token-given", connectSoon); // which may see more
  connectSoon();
}
