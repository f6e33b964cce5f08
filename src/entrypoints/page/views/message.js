// The view of one message: its outcomes, the events that it caused, and its dead letters.
import { read } from "../base/api.js";
import { clock, link, make, panel, put, table } from "../base/dom.js";
import { outcomeBadge } from "../letters/groups.js";
import { eventsTable } from "./stock.js";

function outcomeParts(outcome) {
  const rows = table([["When"], ["Message"], ["Outcome"], ["Reason"]], "Outcome");
  const events = outcome.events.map(({ name, payload }) => ({ type: name, data: payload }));
  rows.fill([[clock(outcome.at), outcome.message, outcomeBadge(outcome.outcome), outcome.reason]]);
  return put(panel(outcome.source ? `Outcome of the one from ${outcome.source}` : "Outcome"), rows.element, eventsTable(events));
}

export const messageView = {
  title: "Message",
  open(main, [id = ""]) {
    const letters = link("Its dead letters", `#/dead?${new URLSearchParams({ "message-id": id })}`);
    main.append(make("h2", `Message ${id}`, "subject"), put(make("p", undefined, "lead"), letters));
    read(`admin/messages/${encodeURIComponent(id)}`).then(({ outcomes }) => main.append(...outcomes.map(outcomeParts)),
      (error) => main.append(make("p", error.message, "refusal")));
  },
};
