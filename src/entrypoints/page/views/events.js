// Events as they go out, of all workers: filtered by the worker, paused here.
import { EVENTS } from "../base/commands.js";
import { UNKNOWN, button, link, make, panel, put, table, time, whole } from "../base/dom.js";
import { watch } from "../frame/live.js";
import { address } from "../frame/router.js";
import { batch, order, sku } from "./stock.js";

const ROWS_MAX = 200;
const FILTERS = [["sku", "SKU"], ["order", "Order"], ["type", "Event"]];
const COLUMNS = [["Time", "short"], ["Event"], ["Order"], ["SKU"], ["Quantity", "number"], ["Batch"], ["Version", "number"]];
const FLOWING = "Events as they go out, the newest first.";
const TO_MS = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 };

function types() {
  const list = make("datalist");
  list.id = "event-types";
  list.append(...EVENTS.map((name) => make("option", name)));
  return list;
}

function field(name, title, value) {
  const input = make("input");
  input.name = name;
  input.value = value;
  input.maxLength = 255;
  input.autocomplete = "off";
  if (name === "type") input.setAttribute("list", "event-types");
  return put(make("label"), `${title} `, input);
}

function timeOf(instant) {
  if (!instant) return UNKNOWN;
  return time(new Date(instant).toLocaleTimeString("sv", TO_MS), instant);
}

// A CloudEvent bears the event's fields in `data`; an event that cannot be read has none.
function cellsOf({ type, at, data: sent }) {
  const { orderid, sku: name, qty, batchref, version, reason } = (sent?.specversion ? sent.data : sent) || {};
  return [timeOf(at), reason ? `${type}: ${reason}` : type, order(orderid), name ? sku(name) : UNKNOWN, qty === undefined ? UNKNOWN : whole(Number(qty)), batch(batchref), version === undefined ? UNKNOWN : String(version)];
}

function skippedText({ skipped, unread }, isFiltered) {
  if (!isFiltered && unread !== null) return `… ${whole(skipped + unread)} skipped`;
  const others = unread === null ? "an unknown number was not read" : `${whole(unread)} of all events were not searched`;
  return `… ${[skipped && `${whole(skipped)} skipped`, unread !== 0 && others].filter(Boolean).join(", ")}`;
}

// The newest rows, at most `max` of them; while it is paused, what comes waits outside of the table.
function newest(list, max, say) {
  let waiting = null;

  function cut() {
    while (list.body.rows.length > max) list.body.lastChild.remove();
  }
  function report() {
    const more = waiting?.length === max ? " or more" : "";
    if (!waiting) say(FLOWING);
    else say(waiting.length ? `Paused: ${whole(waiting.length)}${more} new rows wait.` : "Paused.");
  }
  return {
    report,
    isPaused: () => waiting !== null,
    add(row) {
      if (!waiting) {
        list.body.prepend(row);
        cut();
        return;
      }
      waiting.unshift(row);
      waiting.length = Math.min(waiting.length, max);
      report();
    },
    toggle() {
      if (waiting) list.body.prepend(...waiting);
      cut();
      waiting = waiting ? null : [];
      report();
    },
  };
}

// With `onFilter` it has fields to filter by, which `query` fills, and `onFilter` is given what they say.
export function eventsPanel({ rowsMax = ROWS_MAX, query = new URLSearchParams(), onFilter }) {
  const form = make("form", undefined, "filters"), state = make("p", "Connecting …", "quiet");
  const list = table(COLUMNS, "Events"), say = (text) => { state.textContent = text; }, rows = newest(list, rowsMax, say);
  const pause = button("Pause (p)", toggle);
  let watched = null;

  const filter = () => new URLSearchParams([...form.querySelectorAll("input")].filter(({ value }) => value).map(({ name, value }) => [name, value]));

  function addNote(text) {
    const note = make("td", text, "quiet");
    note.colSpan = COLUMNS.length;
    rows.add(put(make("tr"), note));
  }

  // Other programs can add entries to the stream that are not events.
  function addEvent(event) {
    try {
      rows.add(list.row(cellsOf(event)));
    } catch {
      addNote("… an event that cannot be shown");
    }
  }

  const handlers = {
    event: addEvent,
    skipped: (counts) => addNote(skippedText(counts, String(filter()))),
    gap: () => addNote("… events may be missing here"),
    unavailable: ({ reason }) => say(`No events: ${reason}.`),
    available: rows.report,
  };

  function toggle() {
    rows.toggle();
    pause.textContent = rows.isPaused() ? "Resume (p)" : "Pause (p)";
  }

  function begin() {
    watched?.close();
    watched = watch(filter(), {
      on: (name, data) => handlers[name]?.(data),
      lost: (reason) => say(`${reason}.`),
      connected: rows.report,
    });
  }

  pause.dataset.key = "p";
  if (onFilter) form.append(...FILTERS.map(([name, title]) => field(name, title, query.get(name) || "")), types(), pause);
  else put(form, pause, link("filter them", address("events")));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    if (rows.isPaused()) toggle();
    list.body.replaceChildren();
    onFilter(filter());
    begin();
  });
  begin();
  return { element: panel("As it happens", form, state, list.element), close: () => watched.close() };
}

export const events = {
  title: "Events",
  key: "e",
  open(main, parameters, query) {
    const onFilter = (filter) => history.replaceState(null, "", `${address("events")}${String(filter) && `?${filter}`}`);
    const shown = eventsPanel({ query, onFilter });
    main.append(shown.element);
    return { close: shown.close };
  },
};
