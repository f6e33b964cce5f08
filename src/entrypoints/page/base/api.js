// Asks the worker, with the token if one is known.
import { parse, stringify } from "./exact.js";
import { keep, recall } from "./kept.js";

const ANSWER_MS = 5000; // an answer that takes longer is none
const BUSY_TRIES = 3, BUSY_MS = 1000; // a worker runs few reads at a time

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.message || problem.detail || problem.title || `The worker answered ${status}`);
    this.status = status;
    this.type = String(problem.type || "").replace("urn:allocd:problem:", "");
  }
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// The answer, which may be of any status; it throws when there is none.  A token that is refused is not sent
// again: the worker counts wrong ones.  A change may need another one than reads do.
export async function request(path, options = {}) {
  const token = recall("sessionStorage", "token");
  const headers = { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...options.headers };
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(options.patience_ms || ANSWER_MS), ...options, headers });
  if (response.status === 401 && !options.method && headers.Authorization === `Bearer ${recall("sessionStorage", "token")}`) keep("sessionStorage", "token", "");
  return response;
}

async function bodyOf(response) {
  const text = await response.text();
  try { return parse(text); } catch { return { message: text.slice(0, 200) }; }
}

// The answer's JSON; a Refusal is thrown for an answer that is no success.
async function ask(path, options) {
  const response = await request(path, options);
  const body = await bodyOf(response);
  if (!response.ok) throw new Refusal(response.status, body);
  return body;
}

// The same of a read, which is tried again while the worker runs too many.
export async function read(path, tries = BUSY_TRIES) {
  try {
    return await ask(path);
  } catch (refusal) {
    if (refusal.type !== "too-busy" || tries <= 1) throw refusal;
  }
  await pause(BUSY_MS);
  return read(path, tries - 1);
}

// Asks the browser to keep the answer as a file; returns what the worker says of it, or "".
export async function download(where, name) {
  const response = await request(where);
  if (!response.ok) throw new Refusal(response.status, await bodyOf(response));
  const anchor = document.createElement("a"), address = URL.createObjectURL(await response.blob());
  anchor.href = address;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 0);
  return decodeURIComponent(response.headers.get("Allocd-Left-Out") || "");
}

// The same of a change, in the operator's name.
export function write(path, body, method = "POST") {
  const name = recall("localStorage", "operator");
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (name) headers["X-Operator"] = encodeURIComponent(name);
  return ask(path, { method, headers, body: body && stringify(body), patience_ms: 35000 });
}

// The path with each part encoded, and the query.
export function path(parts, query = {}) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== "")).toString();
  return parts.map(encodeURIComponent).join("/") + (text ? `?${text}` : "");
}
