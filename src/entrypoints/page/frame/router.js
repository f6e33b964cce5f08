// Shows the view that the address names behind its #: "#/name/parameter/…?key=value".
//
// A view is { title, open(main, parameters, query) → { show(status), close() } }.  `open` fills the empty
// `main`; `show`, when it is there, is given each status of the worker; `close`, when it is there, ends what
// `open` began.  A view with a `key` is in the navigation, and "g", then that key, opens it.
import { at, link, make } from "../base/dom.js";

const views = new Map();
let shown = {}, latest = null, main = null;

export function register(name, view) {
  views.set(name, view);
}

export const inNavigation = () => [...views].filter(([, view]) => view.key);

// The address of a view, with every part encoded.
export function address(name, ...parameters) {
  return `#/${[name, ...parameters].map(encodeURIComponent).join("/")}`;
}

export function go(name, ...parameters) {
  location.hash = address(name, ...parameters);
}

function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

function current() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [name, ...parameters] = path.split("/").map(decoded);
  return { name, parameters, query: new URLSearchParams(query) };
}

function navigation(name) {
  return inNavigation().map(([of, view]) => {
    const anchor = link(view.title, address(of));
    if (of === name) anchor.setAttribute("aria-current", "page");
    anchor.append(make("span", "", `count count-${of}`));
    return anchor;
  });
}

function open() {
  const { name, parameters, query } = current();
  const of = views.has(name) ? name : "";
  shown.close?.();
  main.replaceChildren();
  at("navigation").replaceChildren(...navigation(views.get(of).within ?? of));
  shown = views.get(of).open(main, parameters, query) || {};
  if (latest) show(latest);
}

// Opens what is shown once more, as after a change.
export const again = () => open();

function showCounts({ dead_letters: letters }) {
  for (const count of document.querySelectorAll(".count-dead")) count.textContent = letters.kept ? ` ${letters.kept}` : "";
}

export const status = () => latest;

// Settled once the worker has said how it is, and so what may be changed.
let settle;
const first = new Promise((resolve) => { settle = resolve; });
export const whenKnown = () => first;

export function show(status) {
  latest = status;
  settle();
  showCounts(status);
  shown.show?.(status);
}

export function start(element) {
  main = element;
  addEventListener("hashchange", () => {
    open();
    main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  });
  open();
}
