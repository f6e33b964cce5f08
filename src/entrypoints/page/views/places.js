// The views of the streams and of the workers.
import { badge, facts, make, panel, put, table, whenChanged, whole } from "../base/dom.js";
import { stateOf, workersTable } from "./overview.js";

export const streams = {
  title: "Streams",
  key: "s",
  open(main) {
    const ways = table([["Way"], ["Kind", "short"], ["State"], ["Read", "number"], ["In flight", "number"], ["Pending", "number"], ["Lost", "number"]], "Ways in");
    const out = make("div");
    main.append(put(panel("Ways in"), make("p", "Read: entries since this worker's start. In flight: read and not committed yet. Pending: not acknowledged yet. Lost: trimmed before anyone read them.", "quiet"), ways.element), panel("Ways out", out));
    const fill = whenChanged((inputs) => ways.fill(inputs.map((input) => [input.name, input.kind, stateOf(input), ...["read", "in_flight", "pending", "lost"].map((key) => whole(input[key]))])));
    const fillOut = whenChanged((outputs) => out.replaceChildren(facts(
      ["Redis", outputs.is_up ? badge("✓ takes events", "good") : badge("✕ takes no events", "bad")],
      ["published since the start", whole(outputs.published)],
      ["unpublished, in the database", whole(outputs.unpublished)],
      ["without a subscriber", whole(outputs.unheard)],
      ["on channels only", whole(outputs.unfenced)])));
    return {
      show(status) {
        fill(status.inputs);
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
