// The views of the streams and of the workers.
import { read } from "../base/api.js";
import { UNKNOWN, badge, clock, facts, make, panel, put, since, span, table, whenChanged, whole } from "../base/dom.js";
import { stateOf, workersTable } from "./overview.js";

const WAYS = [["Way"], ["Kind", "short"], ["State"], ["Read", "number"], ["Unread", "number"], ["Pending", "number"], ["Oldest", "number"], ["In flight", "number"], ["Lost", "number"]];

const WORDS = [
  ["Read", "entries since this worker's start"],
  ["Unread", "entries that no worker has read yet"],
  ["Pending", "read and not acknowledged yet"],
  ["Oldest", "how long the oldest unread or pending entry has waited"],
  ["In flight", "read by this worker and not committed yet"],
  ["Lost", "trimmed or deleted before they were handled"],
];

function oldest({ pending_since: pending, unread_since: unread }, now) {
  const first = [pending, unread].filter(Boolean).sort()[0];
  return first ? since(first, now) : UNKNOWN;
}

function wayRow(input, now) {
  const number = (key) => whole(input[key]);
  return [input.name, input.kind, stateOf(input), number("read"), number("lag"), number("pending"), oldest(input, now), number("in_flight"), number("lost")];
}

const lengthOf = (ms) => (ms < 1000 ? `${ms} ms` : span(ms));

// When the worker was not subscribed, and messages on pub/sub may have been lost.
function blindPanel() {
  const rows = table([["From"], ["To"], ["For", "number"], ["Why"]], "Blind windows");
  const note = make("p", "If anything was published on pub/sub in these times, no worker heard it, and it is lost. Commands in streams were not affected.", "quiet");
  read("admin/blind-windows").then(({ blind_windows: all }) => rows.fill(all.map(({ since: from, until, cause }) => [clock(from), clock(until), lengthOf(Date.parse(until) - Date.parse(from)), cause]), "None is recorded."),
    (error) => rows.fill([], error.message));
  return put(panel("Blind windows"), note, rows.element);
}

export const streams = {
  title: "Streams",
  key: "s",
  open(main) {
    const ways = table(WAYS, "Ways in"), out = make("div"), words = make("details");
    put(words, make("summary", "What the columns say"), facts(...WORDS));
    const waysPanel = put(panel("Ways in"), ways.element, words), outPanel = panel("Ways out", out), blind = blindPanel();
    waysPanel.classList.add("wide");
    main.append(waysPanel, outPanel, blind);
    const fill = whenChanged((inputs, now) => ways.fill(inputs.map((input) => wayRow(input, now))));
    const fillOut = whenChanged((outputs) => out.replaceChildren(facts(
      ["Redis", outputs.is_up ? badge("✓ takes events", "good") : badge("✕ takes no events", "bad")],
      ["published since the start", whole(outputs.published)],
      ["unpublished, in the database", whole(outputs.unpublished)],
      ["without a subscriber", whole(outputs.unheard)],
      ["on channels only", whole(outputs.unfenced)])));
    return {
      show(status) {
        fill(status.inputs, status.inputs.some((input) => input.pending_since || input.unread_since) ? status.at : "");
        fillOut(status.outputs);
      },
    };
  },
};

export const workers = {
  title: "Workers",
  key: "w",
  open(main) {
    const all = workersTable(), here = make("div");
    main.append(panel("Workers of this database", all.element), panel("This worker", here));
    const fill = whenChanged((pairs) => here.replaceChildren(facts(...pairs)));
    return {
      show(status) {
        const { doing } = status;
        all.show(status.replicas);
        fill([
          ["name", status.name],
          ["version", status.version],
          ["messages, committed", whole(doing.messages)],
          ["units of work", whole(doing.units)],
          ["waiting", `${whole(doing.waiting)}, ${whole(doing.waiting_bytes)} bytes`],
          ["SKUs that are parked", whole(doing.parked_skus)],
          ["SKUs that are postponed", whole(doing.postponed_skus)],
        ]);
      },
    };
  },
};
