// The views of dead letters: all groups, the letters of one group, one letter.
import { read } from "../base/api.js";
import { actionsPanel, restorePanel } from "./actions.js";
import { UNKNOWN, clock, counted, facts, link, make, panel, payload, put, table, whole } from "../base/dom.js";
import { fieldsForm } from "./fields.js";
import { addressOf, adviceOf, groupsPanel, messageName, outcomeBadge } from "./groups.js";
import { jobsPanel, mayWrite } from "./jobs.js";
import { address, again, whenKnown } from "../frame/router.js";

const PAGE = 200; // letters

function readOnly() {
  return make("p", "Read only: this worker has no ALLOCD_ADMIN_TOKEN, so nothing can be changed here.", "quiet");
}

// Appends what `load` returns, unless the view was closed meanwhile.  The parts may have a close() of their own.
function later(main, load) {
  const waiting = make("p", "Asking the worker …", "quiet"), closers = [];
  let closed = false;
  main.append(waiting);
  whenKnown().then(() => load((close) => closers.push(close))).then((parts) => !closed && waiting.replaceWith(...parts), (error) => {
    waiting.textContent = error.message;
    waiting.className = "refusal";
  });
  return {
    close() {
      closed = true;
      closers.forEach((close) => close());
    },
  };
}

function openAll(main) {
  const groups = groupsPanel(1000), jobs = jobsPanel();
  main.append(groups.element, jobs.element, put(make("p"), link("Discarded letters", "#/dead?discarded"), " can be restored for 7 days."));
  jobs.load();
  return { show: (status) => groups.show(status), close: jobs.close };
}

function lettersTable() {
  const rows = table([["Letter", "number"], ["Message"], ["Reason"], ["Way"], ["Message id"], ["Last"], ["Tries", "number"]], "Dead letters");
  const fill = ({ dead_letters: letters }) => rows.fill(letters.map((letter) => [link(String(letter.id), address("dead", letter.id)), [outcomeBadge(letter.outcome), ` ${messageName(letter.message)}`], letter.reason, letter.way,
    letter.message_id ? link(letter.message_id, address("message", letter.message_id)) : UNKNOWN, clock(letter.last_at), whole(letter.attempts)]), "None: all of them were handled or discarded.");
  return { element: rows.element, fill };
}

async function countOf(filter, letters, next) {
  if (!next) return letters.length;
  const { groups } = await read(`admin/dead-letters/groups?${new URLSearchParams(filter)}`);
  return groups.reduce((sum, group) => sum + group.count, 0);
}

function openGroup(main, query) {
  const { discarded, ...filter } = Object.fromEntries(query), isDiscarded = discarded !== undefined;
  return later(main, async (onClose) => {
    const path = `admin/dead-letters?${new URLSearchParams({ ...filter, limit: PAGE })}${isDiscarded ? "&discarded" : ""}`;
    const answer = await read(path), { dead_letters: letters, next } = answer, list = lettersTable();
    list.fill(answer);
    const count = isDiscarded ? letters.length : await countOf(filter, letters, next);
    const which = next && !isDiscarded ? { filter } : { ids: letters.map(({ id }) => id) }, exported = isDiscarded ? null : filter;
    const title = filter["reason-is"] || filter.reason || (isDiscarded ? "Discarded letters" : "Dead letters");
    const parts = [make("h2", title, "subject"), letters.length ? adviceOf(letters[0], "lead") : ""];
    const listed = panel("", list.element);
    const setHeading = (answered, more, all) => {
      listed.querySelector("h2").textContent = more ? `The oldest ${whole(answered.length)} of ${whole(all)}` : counted(answered.length, "letter", "letters");
    };
    const refill = async () => {
      const now = await read(path);
      list.fill(now);
      setHeading(now.dead_letters, now.next, await countOf(filter, now.dead_letters, now.next));
    };
    setHeading(letters, next, count);
    if (letters.length && mayWrite() && isDiscarded) parts.push(restorePanel(which, count, again));
    else if (letters.length && mayWrite()) {
      const actions = actionsPanel(which, count, () => ({}), refill, exported);
      onClose(actions.close);
      parts.push(actions.element);
    } else if (!mayWrite()) parts.push(readOnly());
    return [...parts, listed];
  });
}

function historyTable() {
  const rows = table([["When"], ["Who"], ["What"], ["Edits"], ["Outcome"]], "History");
  const fill = ({ history }) => rows.fill((history || []).map((one) => [clock(one.at), one.who, one.action, one.edits || UNKNOWN, [one.outcome || "", one.reason ? ` ${one.reason}` : ""]]), "Nobody has changed it.");
  return { element: rows.element, fill };
}

function payloadParts(letter) {
  if (letter.payload !== undefined) return [payload(letter.payload)];
  if (letter.payload_base64 !== undefined) return [make("p", "Not text; in base64:", "quiet"), payload(letter.payload_base64)];
  return [make("p", letter.payload_withheld, "quiet")];
}

function letterFacts(letter) {
  return facts(
    ["message", messageName(letter.message)],
    ["message id", letter.message_id ? link(letter.message_id, address("message", letter.message_id)) : UNKNOWN],
    ["came by", `${letter.way}, ${letter.place}${letter.entry_id ? `, entry ${letter.entry_id}` : ""}`],
    ["first, last", [clock(letter.first_at), ", ", clock(letter.last_at)]],
    ["tries", whole(letter.attempts)]);
}

async function readLetter(id) {
  const path = `admin/dead-letters/${encodeURIComponent(id)}`;
  try {
    return await read(path);
  } catch (error) {
    if (error.status !== 404) throw error;
    return { ...(await read(`${path}?discarded`)), isDiscarded: true };
  }
}

function openLetter(main, id) {
  return later(main, async (onClose) => {
    const letter = await readLetter(id), form = fieldsForm(letter.fields || {}), history = historyTable();
    history.fill(letter);
    const reason = put(make("p", undefined, "lead"), outcomeBadge(letter.outcome), " ", link(letter.reason || "without a reason",
      addressOf({ outcome: letter.outcome, message: letter.message || "none", "reason-is": letter.reason || "" })));
    const parts = [put(make("h2", undefined, "subject"), `Dead letter ${letter.id}`, letter.isDiscarded ? " (discarded)" : ""), reason, adviceOf(letter, "lead")];
    if (letter.isDiscarded && mayWrite()) parts.push(restorePanel({ ids: [letter.id] }, 1, again));
    else if (mayWrite()) {
      const actions = actionsPanel({ ids: [letter.id] }, 1, form.edits, () => readLetter(id).then(history.fill, () => {}));
      onClose(actions.close);
      if (letter.fields) parts.push(put(panel("Fields, as they would be replayed"), form.element));
      parts.push(actions.element);
    } else parts.push(readOnly());
    return [...parts, panel("Message", letterFacts(letter)), panel("Payload", ...payloadParts(letter)), panel("History", history.element)];
  });
}

export const letters = {
  title: "Dead letters",
  key: "d",
  open(main, [id], query) {
    if (id) return openLetter(main, id);
    return [...query].length ? openGroup(main, query) : openAll(main);
  },
};
