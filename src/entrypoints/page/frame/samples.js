// The last ten minutes, as the statuses that this page has seen: nobody's look costs the worker a query.
const KEPT_MS = 600000;

const samples = [];

// The share of messages that were committed within a time, by the buckets between two counts of them; in ms.
export function quantile(share, bounds_ms, before, now) {
  const counts = now.map((count, i) => count - before[i]);
  const wanted = share * counts.reduce((sum, count) => sum + count, 0);
  if (!wanted) return null;
  let below = 0;
  for (let i = 0; i < counts.length; i++) {
    if (below + counts[i] >= wanted) {
      const from = i ? bounds_ms[i - 1] : 0, to = bounds_ms[i] ?? from;
      return from + ((to - from) * (wanted - below)) / counts[i];
    }
    below += counts[i];
  }
  return null;
}

const WINDOW_MS = 10000; // over which a quantile is taken: a single second has few messages

function latency(status, share) {
  const now = status.doing.duration;
  const at = Date.parse(status.at);
  const before = samples.find((sample) => sample.at >= at - WINDOW_MS)?.duration;
  return now && before ? quantile(share, now.bounds_ms, before.counts, now.counts) : null;
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
    duration: status.doing.duration,
    p50: latency(status, 0.5),
    p99: latency(status, 0.99),
  });
  while (samples[0].at < at - KEPT_MS) samples.shift();
}

export const recent = () => samples;

export const newest = () => samples.at(-1);
