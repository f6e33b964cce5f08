// The views of a SKU, a batch and an order.
import { read, path } from "../base/api.js";
import { UNKNOWN, clock, link, make, panel, put, table, whole } from "../base/dom.js";
import { address, whenKnown } from "../frame/router.js";
import { COLUMNS as EVENT_COLUMNS, batch, cause, cellsOf, order, sku } from "./event_rows.js";
import { republishPanel } from "./republish.js";

const BATCH_COLUMNS = [["Batch"], ["Due"], ["Quantity", "number"], ["Allocated", "number"], ["Available", "number"]];

function batchRow(row) {
  return [batch(row.batchref), row.eta || "in the warehouse", whole(row.qty), whole(row.allocated), whole(row.available)];
}

// Shows what the worker answers, or why it does not.
function load(main, title, ask, show) {
  const place = make("div", undefined, "view"), heading = make("h2", title, "subject");
  let closed = false;
  place.append(make("p", "Asking the worker …", "quiet"));
  main.append(heading, place);
  ask().then((answer) => {
    if (!closed) place.replaceChildren(...show(answer));
  }, (error) => {
    if (!closed) place.replaceChildren(make("p", error.message, "refusal"));
  });
  return { close: () => { closed = true; } };
}

export function eventsTable(events) {
  const rows = table([["Version", "number"], ["Time"], ["Event", "short"], ["Order"], ["Quantity", "number"], ["Batch"], ["Cause"]], "Events");
  rows.fill(events.map(({ type, data }) => [data.version === undefined ? UNKNOWN : String(data.version), clock(data.occurred_at), type, order(data.orderid), whole(data.qty), batch(data.batchref), cause(data.cause)]),
    "No events are kept.");
  return rows.element;
}

// The newest events of the SKU: GET /events/SKU has them oldest first, so it is asked for those near its version.
async function productWithEvents(name) {
  const product = await read(path(["products", name]));
  const events = await read(path(["events", name], { after: Math.max(0, product.version - 100) })).catch((error) => error);
  return { product, events };
}

const PAST = 100; // events that are shown

// The events of an order or a batch, or why they cannot be read.
const pastEvents = (query) => read(path(["admin", "events"], { ...query, limit: PAST })).catch((error) => error);

// Other programs can add entries to the stream that are not events.
function rowsOf(events) {
  return events.flatMap((event) => {
    try {
      return [cellsOf(event)];
    } catch {
      return [];
    }
  });
}

function pastPanel(answer) {
  const rows = table(EVENT_COLUMNS, "Events");
  if (answer instanceof Error) return panel("What happened", make("p", answer.message, "refusal"));
  rows.fill(rowsOf(answer.events), "The stream of events has none about it.");
  return panel(`What happened, the newest first${answer.events.length === PAST ? `: the last ${PAST} events` : ""}`, rows.element);
}

async function orderWithEvents(name) {
  const lines = read(`${path(["allocations", name])}?full`).catch((error) => {
    if (error.status !== 404) throw error;
    return [];
  });
  return { past: await pastEvents({ order: name }), lines: await lines };
}

async function batchWithEvents(name) {
  return { answer: await read(path(["batches", name])), past: await pastEvents({ batch: name }) };
}

const eventsOf = (query) => put(make("p", undefined, "lead"), link("Its events, as they go out and before", `${address("events")}?${new URLSearchParams(query)}`));

export const skuView = {
  title: "SKU",
  open: (main, [name = ""]) => load(main, `SKU ${name}`, () => whenKnown().then(() => productWithEvents(name)), ({ product, events }) => {
    const batches = table(BATCH_COLUMNS, "Batches");
    batches.fill(product.batches.map(batchRow));
    return [
      eventsOf({ sku: name }),
      put(panel("Batches, in the order in which they are used"), batches.element),
      panel(`The newest events, of version ${whole(product.version)} and before`, events instanceof Error ? make("p", events.message, "refusal") : eventsTable([...events].reverse())),
      ...(product.version ? [republishPanel(name, product.version)] : []),
    ];
  }),
};

export const batchView = {
  title: "Batch",
  open: (main, [name = ""]) => load(main, `Batch ${name}`, () => batchWithEvents(name), ({ answer, past }) => {
    const rows = table([["SKU"], ...BATCH_COLUMNS.slice(1)], "Batch");
    rows.fill([[sku(answer.sku), ...batchRow(answer).slice(1)]]);
    return [eventsOf({ batch: name }), panel("Stock", rows.element), pastPanel(past)];
  }),
};

export const orderView = {
  title: "Order",
  open: (main, [name = ""]) => load(main, `Order ${name}`, () => orderWithEvents(name), ({ lines, past }) => {
    const rows = table([["SKU"], ["Quantity", "number"], ["Batch"]], "Lines");
    rows.fill(lines.map((line) => [sku(line.sku), whole(line.qty), batch(line.batchref)]), "No line of this order holds stock.");
    return [eventsOf({ order: name }), panel("Lines that hold stock", rows.element), pastPanel(past)];
  }),
};

// What of the given name the worker knows: each kind is asked at once.
const KINDS = [
  ["SKU", "sku", (name) => path(["products", name])],
  ["order", "order", (name) => path(["allocations", name])],
  ["batch", "batch", (name) => path(["batches", name])],
  ["message", "message", (name) => path(["admin", "messages", name])],
];

async function found(name) {
  const answers = await Promise.allSettled(KINDS.map(([, , where]) => read(where(name))));
  const failure = answers.find(({ reason }) => reason && reason.status !== 404);
  if (failure && answers.every(({ status }) => status === "rejected")) throw failure.reason;
  return KINDS.filter((_, i) => answers[i].status === "fulfilled");
}

export const findView = {
  title: "Search",
  open: (main, [name = ""]) => load(main, `Search for ${name}`, () => found(name), (kinds) => {
    const rows = table([["What"], ["Name"]], "Found");
    if (kinds.length === 1) location.replace(address(kinds[0][1], name));
    rows.fill(kinds.map(([title, view]) => [title, link(name, address(view, name))]), "No SKU, order, batch or message has this name.");
    return [panel("Found", rows.element)];
  }),
};
