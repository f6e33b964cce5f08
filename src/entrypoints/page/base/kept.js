// What the browser keeps for the page; a browser may refuse to, and then it is forgotten with the page.

const kept = new Map();

export function keep(store, key, value) {
  kept.set(key, value);
  try { window[store].setItem(key, value); } catch { /* it is in `kept` */ }
}

export function recall(store, key) {
  if (kept.has(key)) return kept.get(key);
  try { return window[store].getItem(key); } catch { return null; }
}
