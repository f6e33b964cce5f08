// The view of one message: its outcomes, the events that it caused, the instants of its way, and its dead letters.
import { path, read } from "../base/api.js";
import { UNKNOWN, clock, link, make, panel, put, table } from "../base/dom.js";
import { outcomeBadge } from "../letters/groups.js";
import { eventsTable } from "./stock.js";
import { waterfall } from "./waterfall.js";

function outcomeParts(outcome) {
  const rows = table([["When"], ["Message"], ["Outcome"], ["Reason"]], "Outcome");
  const events = (outcome.events || []).map(({ name, payload }) => ({ type: name, data: payload }));
  rows.fill([[clock(outcome.at), outcome.message, outcomeBadge(outcome.outcome), outcome.reason || UNKNOWN]]);
  const shown = outcome.events ? eventsTable(events) : make("p", "Its events are withheld here.", "quiet");
  return put(panel(outcome.source ? `Outcome of the one from ${outcome.source}` : "Outcome"), rows.element, shown);
}

const EVENTS_TIMED = 20;

const fieldsOf = (sent) => (sent?.specversion ? sent.data : sent) || {};

// When Redis added the events to the stream of events, `at`; null where that is not known.
async function timesOfEvents(outcomes) {
  const searches = new Map();
  const found = (sku) => {
    if (!searches.has(sku)) searches.set(sku, read(path(["admin", "events"], { sku, limit: 200 })).catch(() => ({ events: [] })));
    return searches.get(sku);
  };
  const events = outcomes.flatMap((outcome) => outcome.events || []).slice(0, EVENTS_TIMED);
  return Promise.all(events.map(async ({ name, payload }) => {
    const { sku, version } = fieldsOf(payload), { events: past } = await found(sku);
    return { name: `${name}, version ${version} of ${sku},`, at: past.find((event) => String(fieldsOf(event.data).version) === String(version))?.at || null };
  }));
}

function wayPanel(times, events) {
  const element = panel("Its way, as far as this worker knows it");
  if (!times && !events.some(({ at }) => at)) return put(element, make("p", "Another worker handled it, or it was handled long ago: its instants are not known here.", "quiet"));
  return put(element, ...waterfall(times || {}, events));
}

async function show(main, id) {
  const { outcomes, times } = await read(path(["admin", "messages", id]));
  main.append(...outcomes.map(outcomeParts));
  main.append(wayPanel(times, await timesOfEvents(outcomes)));
}

export const messageView = {
  title: "Message",
  open(main, [id = ""]) {
    const letters = link("Its dead letters", `#/dead?${new URLSearchParams({ "message-id": id })}`);
    const place = make("div", undefined, "view");
    main.append(make("h2", `Message ${id}`, "subject"), put(make("p", undefined, "lead"), letters), place);
    show(place, id).catch((error) => place.append(make("p", error.message, "refusal")));
  },
};
