// Asks the worker, with the token if one is known.
import { recall } from "./kept.js";

const ANSWER_MS = 5000; // an answer that takes longer is none

// The answer, which may be of any status; it throws when there is none.
export function request(path, options = {}) {
  const token = recall("sessionStorage", "token");
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  return fetch(path, { ...options, headers, cache: "no-store", signal: options.signal || AbortSignal.timeout(ANSWER_MS) });
}
