// The keyboard: single keys, which do not act while a field has the focus, and the view that lists them.
import { at, make, panel, table } from "../base/dom.js";
import { go, inNavigation } from "./router.js";

const LEAD_MS = 1500; // how long "g" waits for the key behind it

const KEYS = [
  ["/", "search for an id, an order, a SKU or a batch"],
  ["j, k", "the next and the previous row"],
  ["Enter", "open the row"],
  ["Esc", "back; in a field: leave it"],
  ["p", "pause and resume the events"],
  ["r", "rehearse the dead letter or the group that is shown"],
  ["?", "this list"],
];

export const help = {
  title: "Keys",
  open(main) {
    const keys = table([["Key"], ["What it does"]], "Keys");
    const places = inNavigation().map(([, view]) => [make("kbd", `g ${view.key}`), view.title]);
    keys.fill([...KEYS.map(([key, what]) => [make("kbd", key), what]), ...places]);
    main.append(panel("Keys", keys.element), panel("About", make("p", "The page shows what the worker knows, once a second. Every view has an address of its own, which can be sent to others. Times are in this browser's time zone; point at one to see it in full.")));
  },
};

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]");
}

function move(step) {
  const rows = [...document.querySelectorAll("main tbody tr")].map((row) => row.querySelector("a, button")).filter(Boolean);
  const here = rows.findIndex((one) => one.closest("tr").contains(document.activeElement));
  rows[here < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, here + step))]?.focus();
}

// Presses the button of the view that says that it is for this key, from where Tab then continues.
function press(key) {
  const button = document.querySelector(`main button[data-key="${key}"]:not(:disabled)`);
  button?.focus();
  button?.click();
}

let led = -Infinity; // when "g" was pressed

function act(event) {
  const { key } = event;
  if (event.timeStamp - led < LEAD_MS) {
    const view = inNavigation().find(([, one]) => one.key === key);
    led = -Infinity;
    if (view) go(view[0]);
    return Boolean(view);
  }
  if (key === "g") led = event.timeStamp;
  else if (key === "/") at("search").focus();
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "?") go("help");
  else if (key === "Escape") history.back();
  else if (key === "p" || key === "r") press(key);
  else return false;
  return true;
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") event.target.blur();
    } else if (act(event)) event.preventDefault();
  });
  at("search-form").addEventListener("submit", (event) => {
    const name = at("search").value.trim();
    event.preventDefault();
    at("search").blur();
    if (name) go("find", name);
  });
}
