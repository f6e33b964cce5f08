// What can be done about dead letters: rehearse, replay, discard, restore.
import { download, write } from "../base/api.js";
import { button, counted, link, make, panel, put, table, whole } from "../base/dom.js";
import { ask, asOperator, checkbox, field } from "../base/dialogs.js";
import { stringify } from "../base/exact.js";
import { outcomeBadge } from "./groups.js";
import { jobPanel } from "./jobs.js";
import { address, again, status } from "../frame/router.js";

const REHEARSED_AT_MOST = 100, TYPED_ABOVE = 10, RATE = 50;

const letters = (count) => counted(count, "dead letter", "dead letters");

function eventsOf(letter) {
  return letter.events.map(({ message, payload: data }) => put(make("div", undefined, "event"), make("b", message), " ", make("code", stringify(data))));
}

function rehearsed(result) {
  const rows = table([["Letter", "number"], ["Outcome"], ["Changes"], ["Events"]], "Rehearsal");
  rows.fill(result.letters.map((letter) => [
    link(String(letter.id), address("dead", letter.id)),
    [outcomeBadge(letter.outcome), letter.outcome === "handled" ? "" : ` ${letter.reason || ""}`],
    letter.changes.map((change) => make("div", change)),
    letter.events.length ? eventsOf(letter) : "none",
  ]));
  const number = (...outcomes) => whole(result.letters.filter(({ outcome }) => outcomes.includes(outcome)).length);
  const refused = number("rejected", "invalid", "failed");
  const words = make("p", `Of ${letters(result.letters.length)}: ${number("handled")} would be handled, ${number("skipped")} skipped, ${refused} would fail again. Nothing was changed.`);
  words.setAttribute("role", "status");
  return [words, rows.element];
}

function typedCount(count) {
  if (count <= TYPED_ABOVE) return { elements: [], check() {} };
  const typed = field(`Type ${count} to confirm`, { required: true, inputMode: "numeric", autocomplete: "off" });
  return {
    elements: [typed.element],
    check() {
      if (typed.input.value.trim() !== String(count)) throw new Error(`This is not ${count}.`);
    },
  };
}

// What restores the `count` letters of `which` that were discarded since `began`, and no others that match:
// ages of discarded letters count from the discard.
export function undoing({ ids, filter }, began, count) {
  if (ids) return { ids, expected_count: count };
  const kinds = Object.entries(filter).filter(([name]) => !["since", "older-than", "newer-than"].includes(name));
  return { filter: { ...Object.fromEntries(kinds), since: began }, expected_count: count };
}

async function undo(which, began, count) {
  try {
    return await write("admin/dead-letters/restores", undoing(which, began, count));
  } catch (error) {
    if (error.type !== "count-changed") throw error;
    throw new Error("Not done: others were discarded or restored meanwhile. Choose among the discarded letters.");
  }
}

// Where no rehearsal is possible, a replay without one takes a tick.
function tick(isUnrehearsed) {
  return isUnrehearsed ? [checkbox("Replay without a rehearsal", { required: true }).element] : [];
}

// The buttons for the letters of `which`, { filter } or { ids }, of which there are `count`.  `edits` returns
// the operator's edits, or throws when they are wrong; `onChange` is called when letters were changed.  Those
// of the filter `exported`, when it is given, can be exported.
export function actionsPanel(which, count, edits, onChange, exported) {
  const hint = make("p", "A replay is possible after a rehearsal.", "quiet hint"), outcome = make("div", undefined, "outcome"), refusal = make("p", "", "refusal");
  let rehearsedWith = null, isUnrehearsed = false, job = { close() {} };
  const expected = { ...which, expected_count: count };

  refusal.setAttribute("role", "alert");
  const guarded = (act) => async () => {
    refusal.textContent = "";
    try {
      await asOperator(act);
    } catch (error) {
      refusal.textContent = error.message;
    }
  };

  async function rehearsalOf(asked) {
    isUnrehearsed = false;
    try {
      return rehearsed(await write("admin/dead-letters/rehearsals", { ...which, edits: asked, limit: REHEARSED_AT_MOST }));
    } catch (error) {
      if (error.type !== "no-rehearsals") throw error;
      isUnrehearsed = true;
      return [make("p", `No rehearsal is possible here: ${error.message}.`)];
    }
  }

  async function onRehearse() {
    const asked = edits(), parts = await rehearsalOf(asked);
    outcome.replaceChildren(...parts);
    rehearsedWith = stringify(asked);
    replay.disabled = false;
    hint.hidden = true;
  }

  async function onReplay() {
    const asked = edits();
    if (stringify(asked) !== rehearsedWith) throw new Error("The fields have changed since the rehearsal: rehearse again.");
    const rate = field("Letters a second (empty: as fast as possible)", { type: "number", min: 1, max: 1000000, value: count > TYPED_ABOVE ? String(RATE) : "" });
    const stop = checkbox("Stop at the first failure", { checked: true });
    const pace = count > 1 ? [rate.element, stop.element] : [];
    const began = await ask(`Replay ${letters(count)}?`, `Replay ${whole(count)}`, [...pace, ...tick(isUnrehearsed)], () => write("admin/dead-letters/replays",
      { ...expected, edits: asked, stop_at_failure: count > 1 && stop.input.checked, ...(rate.input.value ? { rate: Number(rate.input.value) } : {}) }));
    if (!began) return;
    replay.disabled = true;
    job = jobPanel(began, () => {
      onChange();
      outcome.append(put(make("p", undefined, "buttons"), button("Show what is left", again)));
    });
    outcome.replaceChildren(job.element);
  }

  async function onDiscard() {
    const note = field("Why (kept in the history)", { maxLength: 200 }), typed = typedCount(count);
    let began;
    const result = await ask(`Discard ${letters(count)}?`, `Discard ${whole(count)}`, [note.element, ...typed.elements, make("p", "Discarded letters can be restored for 7 days.", "quiet")], () => {
      typed.check();
      began = status().at;
      return write("admin/dead-letters/discards", { ...expected, ...(note.input.value ? { note: note.input.value } : {}) });
    });
    if (!result) return;
    const restore = button("Undo", guarded(async () => {
      const { restored } = await undo(which, began, result.discarded);
      outcome.replaceChildren(make("p", `${letters(restored)} restored.`));
      onChange();
    }));
    outcome.replaceChildren(put(make("p"), `${letters(result.discarded)} discarded. `, restore));
    onChange();
  }

  const rehearse = button(`Rehearse ${count > REHEARSED_AT_MOST ? `the oldest ${REHEARSED_AT_MOST}` : whole(count)}`, guarded(onRehearse), "strong");
  const replay = button(`Replay ${whole(count)} …`, guarded(onReplay));
  const discard = button(`Discard ${whole(count)} …`, guarded(onDiscard));
  rehearse.dataset.key = "r";
  replay.disabled = true;
  const element = put(panel("What to do"), put(make("p", undefined, "buttons"), rehearse, replay, discard, ...(exported ? [exportButton(exported, refusal)] : [])), hint, refusal, outcome);
  return { element, close: () => job.close() };
}

// Saves the letters of the filter, or of the ids, as commands that `allocd publish` takes.
export function exportButton(filter, refusal) {
  return button("Export", async () => {
    refusal.textContent = "";
    try {
      refusal.textContent = await download(`admin/dead-letters/export?${new URLSearchParams(filter)}`, "dead-letters.ndjson");
    } catch (error) {
      refusal.textContent = error.message;
    }
  });
}

export function restorePanel(which, count, onChange) {
  const refusal = make("p", "", "refusal");
  const restore = button(`Restore ${whole(count)}`, () => asOperator(() => write("admin/dead-letters/restores", which)).then((done) => done && onChange(), (error) => {
    refusal.textContent = error.message;
  }), "strong");
  refusal.setAttribute("role", "alert");
  return put(panel("What to do"), put(make("p", undefined, "buttons"), restore), refusal);
}
