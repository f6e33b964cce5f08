// What the browser keeps for the page; a browser may refuse to, and then it is forgotten with the page.

const kept = new Map();

export function keep(store, key, value) {
  kept.set(key, value);
  try { window[store].setItem(key, value); } catch { /* it is in `kept` */ }
}

// Keeps the token for requests, and lets those who wait for one know: the event "token-given" of the document.
export function keepToken(token) {
  keep("sessionStorage", "token", token);
  document.dispatchEvent(new Event("token-given"));
}

export function recall(store, key) {
  if (kept.has(key)) return kept.get(key);
  try { return window[store].getItem(key); } catch { return null; }
}
