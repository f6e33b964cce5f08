// The way of a message over time, as bars and as a table of the same instants.
import { UNKNOWN, make, put, table, time } from "../base/dom.js";

const STEPS = [
  ["on its way here", "published", "received"],
  ["waits for its unit of work", "received", "began"],
  ["loads what it needs", "began", "loaded"],
  ["is handled", "began", "handled"],
  ["is committed", "handled", "committed"],
];

// Instants have microseconds, which Date.parse() would drop.
export function microseconds(instant) {
  const [, whole, fraction = ""] = /^([^.]*)(?:\.(\d+))?Z$/.exec(instant);
  return Date.parse(`${whole}Z`) * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

// The steps whose both ends are known, in microseconds; each begins where the one before has ended.  Clocks of
// several machines differ, so a step may seem to end before it began: then it has no length.
export function stepsOf(times, events) {
  const steps = [];
  const add = (name, from, to) => from && to && steps.push({ name, from: microseconds(from), to: Math.max(microseconds(from), microseconds(to)) });
  for (const [name, from, to] of STEPS) add(name, name === "is handled" ? times.loaded || times[from] : times[from], times[to]);
  for (const { name, at } of events) add(`${name} goes out`, times.committed || at, at);
  return steps;
}

function lengthText(us) {
  return us < 10000 ? `${(us / 1000).toFixed(2)} ms` : us < 10e6 ? `${Math.round(us / 1000)} ms` : `${Math.round(us / 1e6)} s`;
}

function draw(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// Each bar is at least a mark wide, for a short step beside a long one can still be seen then.
function bar({ from, to }, first, all) {
  const svg = draw("svg", { viewBox: "0 0 1000 14", preserveAspectRatio: "none", "aria-hidden": "true", class: "bar" });
  const x = (1000 * (from - first)) / all, width = Math.max(6, (1000 * (to - from)) / all);
  svg.append(draw("rect", { x: Math.min(x, 994), y: 1, width: Math.min(width, 1000 - Math.min(x, 994)), height: 12 }));
  return svg;
}

export function waterfall(times, events) {
  const steps = stepsOf(times, events), rows = table([["Step"], ["When", "bars"], ["Begins", "number"], ["Takes", "number"]], "Its way");
  const first = Math.min(...steps.map(({ from }) => from)), all = Math.max(1, Math.max(...steps.map(({ to }) => to)) - first);
  const instant = (us) => new Date(us / 1000).toISOString();
  rows.fill(steps.map((step) => [step.name, bar(step, first, all), time(`+${lengthText(step.from - first)}`, instant(step.from)), lengthText(step.to - step.from)]), UNKNOWN);
  const facts = [times.way && `It came by ${times.way}`, times.unit_messages && `its unit of work had ${times.unit_messages === 1 ? "no other message" : `${times.unit_messages} messages`}`].filter(Boolean).join("; ");
  return [...(facts ? [make("p", `${facts}.`, "quiet")] : []), put(make("div"), rows.element)];
}
