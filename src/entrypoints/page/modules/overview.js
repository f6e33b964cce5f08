// The first view: figures, ways in, workers.
import { UNKNOWN, make, panel, row, span, table, whole } from "./dom.js";

function figure(name, value, note) {
  const list = make("dl");
  list.append(make("dt", name), make("dd", value));
  if (note) list.append(make("dd", note, "note"));
  return list;
}

function figures(status) {
  const { doing, outputs, dead_letters: letters } = status;
  return [
    figure("handled", `${whole(doing.messages_per_s)}/s`, `${whole(doing.messages)} since its start`),
    figure("waiting", whole(doing.waiting), doing.queue_is_full ? "the queue is full" : ""),
    figure("events", `${whole(outputs.events_per_s)}/s`, `${whole(outputs.published)} since its start`),
    figure("unpublished events", whole(outputs.unpublished)),
    figure("dead letters", whole(letters.kept), letters.last_hour ? `${whole(letters.last_hour)} in the last hour` : ""),
    figure("last commit", doing.last_commit ? `${span(Date.parse(status.at) - Date.parse(doing.last_commit))} ago` : UNKNOWN),
  ];
}

function stateOf(input) {
  if (input.lease === "elsewhere") return "another worker reads it";
  if (input.lease === "nowhere") return "✕ no worker reads it";
  if (input.kind === "http") return "✓ this worker listens";
  return input.is_read ? "✓ read by this worker" : "✕ not read";
}

function inputRow(input) {
  const counts = ["in_flight", "pending", "lost"].map((key) => make("td", whole(input[key]), "number"));
  return row(input.name, make("td", stateOf(input)), ...counts);
}

function workerRow(worker) {
  return row(worker.name + (worker.is_this ? " (this one)" : ""), make("td", worker.leases.join(", ") || UNKNOWN));
}

export const overview = {
  title: "Overview",
  open(main) {
    const shown = make("section");
    const inputs = table([["Way"], ["State"], ["In flight", "number"], ["Pending", "number"], ["Lost", "number"]]);
    const workers = table([["Name"], ["Holds"]]);
    shown.id = "figures";
    shown.setAttribute("aria-label", "Figures");
    main.append(shown, panel("Ways in", inputs.whole), panel("Workers", workers.whole));
    return {
      show(status) {
        shown.replaceChildren(...figures(status));
        inputs.body.replaceChildren(...status.inputs.map(inputRow));
        workers.body.replaceChildren(...status.replicas.map(workerRow));
      },
    };
  },
};
