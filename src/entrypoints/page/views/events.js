// Events as they go out, of all workers, and those that went out before: filtered by the worker, paused here.
import { EVENTS } from "../base/commands.js";
import { path, read } from "../base/api.js";
import { button, link, make, panel, put, table, whole } from "../base/dom.js";
import { watch } from "../frame/live.js";
import { address } from "../frame/router.js";
import { COLUMNS, cellsOf } from "./event_rows.js";

const ROWS_MAX = 200;
const OLDER = 100; // events that are fetched at a time
const FILTERS = [["sku", "SKU"], ["order", "Order"], ["batch", "Batch"], ["type", "Event"]];
const FEW = [0, 1, 2, 3, 5]; // of the columns, where there is little room
const FLOWING = "Events as they go out, the newest first.";

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
  const all = COLUMNS.map((_, i) => i), shown = onFilter ? all : FEW;
  const list = table(shown.map((i) => COLUMNS[i]), "Events"), say = (text) => { state.textContent = text; }, rows = newest(list, rowsMax, say);
  const pause = button("Pause (p)", toggle), older = button("Older events", lookBack);
  let watched = null, before; // the entry before which older ones are

  const filter = () => new URLSearchParams([...form.querySelectorAll("input")].filter(({ value }) => value).map(({ name, value }) => [name, value]));

  function noteRow(text) {
    const note = make("td", text, "quiet");
    note.colSpan = shown.length;
    return put(make("tr"), note);
  }
  const addNote = (text) => rows.add(noteRow(text));

  // Other programs can add entries to the stream that are not events.
  function eventRow(event) {
    let row;
    try {
      const cells = cellsOf(event);
      row = list.row(shown.map((i) => cells[i]));
    } catch {
      row = noteRow("… an event that cannot be shown");
    }
    row.dataset.entry = event.entry;
    return row;
  }
  const addEvent = (event) => rows.add(eventRow(event));

  const handlers = {
    event: addEvent,
    skipped: (counts) => addNote(skippedText(counts, String(filter()))),
    gap: () => addNote("… events may be missing here"),
    unavailable: ({ reason }) => say(`No events: ${reason}.`),
    available: rows.report,
    connected: rows.report,
  };

  function toggle() {
    if (rows.isPaused()) { // the oldest rows are cut off then
      before = undefined;
      older.disabled = false;
    }
    rows.toggle();
    pause.textContent = rows.isPaused() ? "Resume (p)" : "Pause (p)";
  }

  // What goes out meanwhile waits, so that the rows stay where they are read.
  async function lookBack() {
    if (!rows.isPaused()) toggle();
    const last = [...list.body.rows].findLast((row) => row.dataset.entry)?.dataset.entry, asker = watched;
    older.disabled = true;
    try {
      const answer = await read(path(["admin", "events"], { ...Object.fromEntries(filter()), limit: OLDER, before: before || last }));
      if (watched !== asker) return; // the filter was changed meanwhile
      before = answer.before;
      list.body.append(...answer.events.map(eventRow));
      if (before === null) list.body.append(noteRow("… no older ones are in the stream of events"));
      else if (answer.events.length < OLDER) list.body.append(noteRow(`… ${whole(answer.searched)} events were searched`));
    } catch (error) {
      if (watched === asker) list.body.append(noteRow(`… ${error.message}`));
    }
    older.disabled = before === null;
  }

  function begin() {
    before = undefined;
    older.disabled = false;
    watched?.close();
    watched = watch(filter(), {
      on: (name, data) => handlers[name]?.(data),
      lost: (reason) => say(`${reason}.`),
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
  const element = panel("As it happens", form, state, list.element);
  if (onFilter) element.append(put(make("p", undefined, "buttons"), older));
  return { element, close: () => watched.close() };
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
