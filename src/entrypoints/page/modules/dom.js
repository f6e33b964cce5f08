// Builds parts of the page, as text only: nothing that a publisher or a server wrote becomes part of its markup.

export const UNKNOWN = "–";

export const at = (id) => document.getElementById(id);

export function make(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

export function whole(number) {
  return number === null || number === undefined ? UNKNOWN : Math.round(number).toLocaleString("en");
}

export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

// The time as a <time>: how long ago, by the worker's clock, with the instant as its title.
export function since(instant, now) {
  const element = make("time", span(Date.parse(now) - Date.parse(instant)));
  element.dateTime = element.title = instant;
  return element;
}

// The worker writes these as parts of a line of its log.
export function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}. `;
}

export function row(head, ...cells) {
  const line = make("tr"), first = make("th");
  first.append(head);
  first.scope = "row";
  line.append(first, ...cells);
  return line;
}

// A table of the columns [title, class]; its body is filled with replaceChildren().
export function table(columns, ...rows) {
  const whole = make("table"), head = make("thead"), line = make("tr"), body = make("tbody");
  for (const [title, className] of columns) {
    const cell = make("th", title, className);
    cell.scope = "col";
    line.append(cell);
  }
  head.append(line);
  body.append(...rows);
  whole.append(head, body);
  return { whole, body };
}

// A section with a heading of its own.
export function panel(title, ...parts) {
  const section = make("section", undefined, "panel"), heading = make("h2", title);
  heading.id = `title-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  section.setAttribute("aria-labelledby", heading.id);
  section.append(heading, ...parts);
  return section;
}
