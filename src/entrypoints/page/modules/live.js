// Watches GET /admin/live: server-sent events over fetch(), which can send the token.
import { request } from "./api.js";
import { parse } from "./exact.js";

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

// Calls `on(name, data)` for each event, until close(); `lost(reason)` each time when the connection is lost,
// which is made again, and `connected()` when it is there.  While the page is hidden there is none, because a
// browser allows few connections to one host.
export function watch(query, { on, lost, connected }) {
  let last = null, attempt = null, timer = null, silence = null;

  async function receive(stop) {
    const headers = last ? { "Last-Event-ID": last } : {};
    const response = await request(`admin/live?${query}`, { headers, signal: stop.signal });
    if (!response.ok) throw Object.assign(new Error(await refusalOf(response)), { pause: REFUSED_MS });
    connected();
    for await (const { name, data, id } of eventsOf(response, () => awaitBytes(stop))) {
      if (stop !== attempt) return;
      if (id) last = id;
      if (name) on(name, data);
    }
    throw new Error("The worker ended the connection");
  }

  function awaitBytes(stop) {
    clearTimeout(silence);
    silence = setTimeout(() => stop.abort(new Error("The worker is silent")), SILENCE_MS);
  }

  function end() {
    clearTimeout(timer);
    clearTimeout(silence);
    const ended = attempt;
    attempt = null;
    ended?.abort();
  }

  async function begin() {
    end();
    if (document.hidden) return;
    const stop = attempt = new AbortController();
    awaitBytes(stop);
    try {
      await receive(stop);
    } catch (error) {
      if (stop !== attempt) return; // it was ended here
      end();
      lost(error.name === "TypeError" ? "The worker cannot be reached" : error.message);
      timer = setTimeout(begin, error.pause || RETRY_MS);
    }
  }

  document.addEventListener("visibilitychange", begin);
  begin();
  return {
    close() {
      document.removeEventListener("visibilitychange", begin);
      end();
    },
  };
}
