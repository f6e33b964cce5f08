// Asks the worker, with the token if one is known.
import { parse, stringify } from "./exact.js";
import { recall } from "./kept.js";

const ANSWER_MS = 5000; // an answer that takes longer is none

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.message || problem.detail || problem.title || `The worker answered ${status}`);
    this.status = status;
    this.type = String(problem.type || "").replace("urn:allocd:problem:", "");
  }
}

// The answer, which may be of any status; it throws when there is none.
export function request(path, options = {}) {
  const token = recall("sessionStorage", "token");
  const headers = { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...options.headers };
  return fetch(path, { cache: "no-store", signal: AbortSignal.timeout(options.patience_ms || ANSWER_MS), ...options, headers });
}

async function bodyOf(response) {
  const text = await response.text();
  try { return parse(text); } catch { return { message: text.slice(0, 200) }; }
}

// The answer's JSON; a Refusal is thrown for an answer that is no success.
export async function read(path, options) {
  const response = await request(path, options);
  const body = await bodyOf(response);
  if (!response.ok) throw new Refusal(response.status, body);
  return body;
}

// The same of a change, in the operator's name.
export function write(path, body, method = "POST") {
  const name = recall("localStorage", "operator");
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (name) headers["X-Operator"] = encodeURIComponent(name);
  return read(path, { method, headers, body: body && stringify(body), patience_ms: 35000 });
}

// The path with each part encoded, and the query.
export function path(parts, query = {}) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== "")).toString();
  return parts.map(encodeURIComponent).join("/") + (text ? `?${text}` : "");
}
