// The first view: figures, the last ten minutes, what needs a person, ways in and out, workers.
import { UNKNOWN, badge, button, link, make, panel, put, span, table, whenChanged, whole } from "../base/dom.js";
import { chart, sparkline } from "../base/charts.js";
import { eventsPanel } from "./events.js";
import { groupsPanel } from "../letters/groups.js";
import { keep, recall } from "../base/kept.js";
import { lastDay, newest, recent } from "../frame/samples.js";

export function milliseconds(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return value && value < 10 ? value.toFixed(1) : whole(value);
}

function figure(name, value, note, key) {
  const list = put(make("dl"), make("dt", name), make("dd", value), make("dd", note || "", "note"));
  if (key && recent().length > 1) list.append(put(make("dd"), sparkline(recent(), key)));
  return list;
}

function figures(status) {
  const { doing, outputs, dead_letters: letters } = status, { p50, p99 } = newest();
  return [
    figure("handled", `${whole(doing.messages_per_s)}/s`, `${whole(doing.messages)} since its start`, "handled"),
    figure("to commit, p99", p99 === null ? UNKNOWN : `${milliseconds(p99)} ms`, p50 === null ? "" : `p50 ${milliseconds(p50)} ms`, "p99"),
    figure("waiting", whole(doing.waiting), doing.queue_is_full ? "the queue is full" : "", "waiting"),
    figure("events", `${whole(outputs.events_per_s)}/s`, `${whole(outputs.published)} since its start`, "events"),
    figure("unpublished events", whole(outputs.unpublished), "", "unpublished"),
    figure("dead letters", whole(letters.kept), letters.last_hour ? `${whole(letters.last_hour)} in the last hour` : "", "letters"),
    figure("last commit", doing.last_commit ? `${span(Date.parse(status.at) - Date.parse(doing.last_commit))} ago` : UNKNOWN),
  ];
}

export function stateOf(input) {
  if (input.lease === "elsewhere") return badge("another worker reads it", "plain");
  if (input.lease === "nowhere") return badge("✕ no worker reads it", "bad");
  if (input.kind === "http") return badge("✓ this worker listens", "good");
  return input.is_read ? badge("✓ read by this worker", "good") : badge("✕ not read", "bad");
}

const COUNTS = ["in_flight", "pending", "lost"];

export function inputsTable() {
  const inputs = table([["Way"], ["State"], ["In flight", "number"], ["Pending", "number"], ["Lost", "number"]], "Ways in");
  return { element: inputs.element, show: whenChanged((all) => inputs.fill(all.map((input) => [input.name, stateOf(input), ...COUNTS.map((key) => whole(input[key]))]))) };
}

export function workersTable() {
  const workers = table([["Name"], ["Holds"]], "Workers");
  return {
    element: workers.element,
    show: whenChanged((all) => workers.fill(all.map((worker) => [worker.name + (worker.is_this ? " (this one)" : ""), worker.leases.join(", ") || UNKNOWN]))),
  };
}

function firstCommand() {
  const line = make("pre", "allocd publish create_batch batchref=shelf sku=lamp qty=100");
  line.tabIndex = 0;
  return put(panel("Nothing yet"), put(make("p"), "No message has come since this worker started. Publish the first command, or ", link("try one here", "#/try"), ":"), line);
}

// The switch between what the charts can show; `onChange` is called when it was used.
function rangeSwitch(onChange) {
  const element = make("p", undefined, "switch"), title = make("span", "Charts of the last", "quiet");
  const buttons = [["10 min", "minutes"], ["24 h", "day"]].map(([text, name]) => {
    const one = button(text, () => {
      keep("sessionStorage", "range", name);
      mark();
      onChange();
    });
    one.dataset.range = name;
    return one;
  });
  const isDay = () => recall("sessionStorage", "range") === "day";
  function mark() {
    for (const one of buttons) one.setAttribute("aria-pressed", String((one.dataset.range === "day") === isDay()));
  }
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "Time that the charts show");
  mark();
  return { element: put(element, title, ...buttons), isDay };
}

export const overview = {
  title: "Overview",
  key: "o",
  open(main) {
    const shown = make("section"), inputs = inputsTable(), workers = workersTable(), nothing = firstCommand();
    const rate = chart([{ key: "handled", title: "messages" }, { key: "events", title: "events" }], whole);
    const latency = chart([{ key: "p50", title: "p50" }, { key: "p99", title: "p99" }], milliseconds);
    const needed = groupsPanel(8), live = eventsPanel({ rowsMax: 10 }), charts = [rate, latency];
    const redraw = () => {
      const samples = range.isDay() ? lastDay(redraw) : recent();
      if (samples.length) charts.forEach((one) => one.show(samples));
    };
    const range = rangeSwitch(redraw);
    shown.id = "figures";
    shown.setAttribute("aria-label", "Figures");
    charts.forEach((one) => one.opened(redraw));
    nothing.hidden = true;
    main.append(shown, nothing, range.element, panel("Messages and events a second", rate.element), panel("Received to committed, in ms", latency.element),
      needed.element, live.element, panel("Ways in", inputs.element), panel("Workers", workers.element));
    return {
      close: live.close,
      show(status) {
        shown.replaceChildren(...figures(status));
        nothing.hidden = status.doing.messages > 0 || status.dead_letters.kept > 0 || status.replicas.length > 1;
        redraw();
        needed.show(status);
        inputs.show(status.inputs);
        workers.show(status.replicas);
      },
    };
  },
};
