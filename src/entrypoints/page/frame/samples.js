// Figures over time: the last ten minutes, to which each status adds, and the last day, as the worker keeps them.
import { read } from "../base/api.js";

const KEPT_MS = 600000;
const MINUTE_MS = 60000;

let samples = [], day = [], dayAskedAt = 0;

// What the worker answers as a list of samples: { at, handled, … }.
export function samplesOf({ columns, points }) {
  return points.map(([at, ...values]) => ({ at, ...Object.fromEntries(values.map((value, i) => [columns[i + 1], value])) }));
}

// The older ones, and those that are not among them.
export function merged(older, newer) {
  const end = older.at(-1)?.at ?? 0;
  return [...older, ...newer.filter(({ at }) => at > end)];
}

export function remember(status) {
  const at = Date.parse(status.at);
  if (samples.length && at <= samples.at(-1).at) return;
  samples.push({
    at,
    handled: status.doing.messages_per_s,
    events: status.outputs.events_per_s,
    waiting: status.doing.waiting,
    unpublished: status.outputs.unpublished,
    letters: status.dead_letters.kept,
    p50: status.doing.p50_ms,
    p99: status.doing.p99_ms,
  });
  while (samples[0].at < at - KEPT_MS) samples.shift();
}

export const recent = () => samples;

// Puts what came before this page was opened, or while it was hidden, before what it has seen.
export async function catchUp() {
  samples = merged(samplesOf(await read("admin/series?step=1")), samples);
}

// The last day, minute by minute; asked once a minute, and empty until it is known.
export function lastDay(onKnown) {
  if (Date.now() - dayAskedAt > MINUTE_MS) {
    dayAskedAt = Date.now();
    read("admin/series?step=60").then((answer) => {
      day = samplesOf(answer);
      onKnown();
    }, () => { dayAskedAt = 0; });
  }
  return merged(day, samples.slice(-1));
}

export const newest = () => samples.at(-1);
