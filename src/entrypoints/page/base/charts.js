// Draws figures over time: a large chart with a table of the same figures, and a small line without words.
import { UNKNOWN, clock, make, put, table, whenChanged } from "./dom.js";

const HEIGHT = 150, LEFT = 46, RIGHT = 8, TOP = 8, BOTTOM = 20;

function draw(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// The next of 1, 2, 5, 10, 20, … that is not less.
export function rounded(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

// Lines between neighbours; where a figure is not known the line has a gap.
export function lines(samples, key, x, y, gapMs = 5000) {
  let begins = true;
  return samples.map((sample, i) => {
    const value = sample[key];
    if (value === null || value === undefined) {
      begins = true;
      return "";
    }
    const gap = begins || (i > 0 && sample.at - samples[i - 1].at > gapMs);
    begins = false;
    return `${gap ? "M" : "L"}${x(sample.at).toFixed(1)} ${y(value).toFixed(1)}`;
  }).join("");
}

// How many minutes are drawn: no more than are known.
const RANGES = [1, 2, 5, 10, 20, 40, 60, 120, 240, 480, 1440];
const DAY_FROM = 20; // from here on samples are of minutes

export function minutesOf(samples) {
  const known = Math.floor((samples.at(-1).at - samples[0].at) / 1000) / 60;
  return RANGES.find((minutes) => minutes >= known) || RANGES.at(-1);
}

function tickText(minutes, back) {
  if (!back) return "now";
  if (minutes < 5) return `−${back * 60} s`;
  return minutes < 240 ? `−${back} min` : `−${back / 60} h`;
}

function frame(svg, width, minutes, top, now, x, y, format) {
  for (const part of [0, 0.5, 1]) {
    svg.append(draw("line", { x1: LEFT, x2: width - RIGHT, y1: y(part * top), y2: y(part * top), class: "grid" }));
    svg.append(draw("text", { x: LEFT - 6, y: y(part * top) + 4, "text-anchor": "end" }, format(part * top)));
  }
  const parts = width < 450 ? 2 : minutes < DAY_FROM ? 5 : 4;
  for (let part = 0; part <= parts; part++) {
    const back = (minutes * part) / parts;
    svg.append(draw("text", { x: x(now - back * 60000), y: HEIGHT - 4, "text-anchor": part ? "middle" : "end" }, tickText(minutes, back)));
  }
}

function drawn(samples, series, format, width) {
  const now = samples.at(-1).at, minutes = minutesOf(samples);
  const known = samples.flatMap((sample) => series.map(({ key }) => sample[key] ?? 0));
  const top = rounded(Math.max(2, ...known));
  const x = (at) => width - RIGHT - ((now - at) / (minutes * 60000)) * (width - LEFT - RIGHT);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true", class: "chart" });
  frame(svg, width, minutes, top, now, x, y, format);
  series.forEach(({ key }, i) => svg.append(draw("path", { d: lines(samples, key, x, y, minutes < DAY_FROM ? 5000 : 150000), class: `line line-${i}` })));
  return svg;
}

// One sample of each ten seconds, or of each quarter of an hour, newest first.
function thinned(samples) {
  const seen = new Set(), period = minutesOf(samples) < DAY_FROM ? 10000 : 900000;
  return [...samples].reverse().filter(({ at }) => {
    const number = Math.floor(at / period);
    return !seen.has(number) && seen.add(number);
  });
}

// `series` are [{key, title}] of the samples; `format` writes one figure.
export function chart(series, format) {
  const place = make("div"), legend = make("p", undefined, "legend"), same = make("details");
  const figures = table([["Time"], ...series.map(({ title }) => [title, "number"])]);
  const written = (sample, key) => (sample[key] === null || sample[key] === undefined ? UNKNOWN : format(sample[key]));
  const fill = whenChanged((rows) => figures.fill(rows.map((sample) => [clock(new Date(sample.at).toISOString()), ...series.map(({ key }) => written(sample, key))])));
  put(same, make("summary", "The same as a table"), figures.element);
  return {
    element: put(make("div"), place, legend, same),
    show(samples) {
      place.replaceChildren(drawn(samples, series, format, place.clientWidth || 600));
      legend.replaceChildren(...series.map(({ key, title }, i) => put(make("span"), make("i", undefined, `key line-${i}`), `${title} `, make("b", written(samples.at(-1), key)))));
      if (same.open) fill(thinned(samples));
    },
    opened: (act) => same.addEventListener("toggle", act),
  };
}

export function sparkline(samples, key) {
  const svg = draw("svg", { viewBox: "0 0 120 22", preserveAspectRatio: "none", "aria-hidden": "true", class: "spark" });
  const top = Math.max(1, ...samples.map((sample) => sample[key] ?? 0)), now = samples.at(-1).at, minutes = minutesOf(samples);
  const x = (at) => 120 - ((now - at) / (minutes * 60000)) * 120, y = (value) => 21 - (value / top) * 20;
  svg.append(draw("path", { d: lines(samples, key, x, y), class: "line" }));
  return svg;
}
