// Shows the view that the address names behind its #: "#/name/parameter/…?key=value".
//
// A view is { title, open(main, parameters, query) → { show(status), close() } }.  `open` fills the empty
// `main`; `show`, when it is there, is given each status of the worker; `close`, when it is there, ends what
// `open` began.

const views = new Map();
let shown = {}, latest = null, main = null;

export function register(name, view) {
  views.set(name, view);
}

// The address of a view, with every part encoded.
export function address(name, ...parameters) {
  return `#/${[name, ...parameters].map(encodeURIComponent).join("/")}`;
}

function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

export function current() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [name, ...parameters] = path.split("/").map(decoded);
  return { name, parameters, query: new URLSearchParams(query) };
}

function open() {
  const { name, parameters, query } = current();
  const view = views.get(name) || views.get("");
  shown.close?.();
  main.replaceChildren();
  shown = view.open(main, parameters, query) || {};
  if (latest) shown.show?.(latest);
}

export function show(status) {
  latest = status;
  shown.show?.(status);
}

export function start(element) {
  main = element;
  addEventListener("hashchange", open);
  open();
}
