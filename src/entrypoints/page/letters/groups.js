// The groups of dead letters: those of one cause, with what to do about them.
import { read } from "../base/api.js";
import { badge, clock, link, make, panel, phrase, put, table, whenChanged, whole } from "../base/dom.js";

const LOOKS = { handled: "good", rejected: "warn", invalid: "warn", failed: "bad" };
const PERIOD_MS = 15000; // a replaced letter does not change their number
const SOON_MS = 2000; // the worker remembers an answer for about a second, so it may be older than the status

export const outcomeBadge = (outcome) => badge(outcome, LOOKS[outcome] || "plain");

export const addressOf = (filter) => `#/dead?${new URLSearchParams(filter)}`;

export function messageName(name) {
  return !name || name === "none" ? "unknown message" : name;
}

export function adviceOf({ advice }, look = "") {
  return put(make("p", undefined, `advice ${look}`), make("b", "Next: "), ...phrase(advice));
}

function what(group) {
  const reason = link(group.reason, addressOf(group.filter));
  const some = group.handled_since && group.handled_since < group.count;
  const handled = some ? [make("p", `${whole(group.handled_since)} of them were handled since, under the same id.`, "quiet")] : [];
  return [outcomeBadge(group.outcome), ` ${messageName(group.message)}: `, reason, ...handled, adviceOf(group)];
}

// The largest `limit` groups; asked again when the number of dead letters has changed, and now and then.
export function groupsPanel(limit, query = "") {
  const rows = table([["Count", "number"], ["What"], ["Last"]], "Groups of dead letters"), note = make("p", "", "quiet");
  let askedAt = 0, lettersShown = null; // letters in the last answer; null: unknown

  const fill = whenChanged((groups, hasMore) => {
    rows.fill(groups.slice(0, limit).map((group) => [whole(group.count), what(group), clock(group.last_at)]), "No dead letters: nothing waits for a person.");
    const rest = groups.length - limit;
    note.replaceChildren(...(rest > 0 ? [link(`${whole(rest)}${hasMore ? " and more" : ""} other groups`, "#/dead")] : []));
  });

  async function load() {
    askedAt = Date.now();
    try {
      const { groups, has_more: hasMore } = await read(`admin/dead-letters/groups${query}`);
      lettersShown = hasMore ? null : groups.reduce((sum, group) => sum + group.count, 0);
      fill(groups, Boolean(hasMore));
    } catch (error) {
      note.textContent = error.message;
    }
  }
  const onCount = whenChanged(load);
  return {
    element: put(panel("Needs you"), rows.element, note),
    show(status) {
      const isOld = lettersShown !== null && lettersShown !== status.dead_letters.kept;
      if (Date.now() - askedAt > (isOld ? SOON_MS : PERIOD_MS)) load();
      else onCount(status.dead_letters.kept, status.dead_letters.last_hour);
    },
  };
}
