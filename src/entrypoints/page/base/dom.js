// Builds parts of the page, as text only: nothing that a publisher or a server wrote becomes part of its markup.

export const UNKNOWN = "–";

export const at = (id) => document.getElementById(id);

// What a browser obeys instead of showing it, as in the command line: controls, and marks of the direction.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

export function visible(text) {
  return String(text).replace(CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function make(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined && text !== null) element.textContent = visible(text);
  if (className) element.className = className;
  return element;
}

// An element with the parts; text among them is shown as text.
export function put(element, ...parts) {
  element.append(...parts.filter((part) => part !== null && part !== "").map((part) => (part instanceof Node ? part : visible(part))));
  return element;
}

export function link(text, href, className) {
  const anchor = make("a", text, className);
  anchor.href = href;
  return anchor;
}

export function button(text, onClick, className) {
  const element = make("button", text, className);
  element.type = "button";
  element.addEventListener("click", onClick);
  return element;
}

export function whole(number) {
  return number === null || number === undefined ? UNKNOWN : Math.round(number).toLocaleString("en");
}

export function counted(number, one, many) {
  return `${whole(number)} ${number === 1 ? one : many}`;
}

export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

export function time(text, instant) {
  const element = make("time", text);
  element.dateTime = element.title = instant;
  return element;
}

// How long ago, by the worker's clock, with the instant as its title.
export function since(instant, now) {
  return time(span(Date.parse(now) - Date.parse(instant)), instant);
}

// The instant in the viewer's own time zone, with the day unless that is today.
export function clock(instant) {
  if (!instant) return UNKNOWN;
  const date = new Date(instant);
  const day = date.toDateString() === new Date().toDateString() ? "" : `${date.toLocaleDateString("sv")} `;
  return time(day + date.toLocaleTimeString("sv"), instant);
}

// The worker writes these as parts of a line of its log.
export function sentence(text) {
  return text.startsWith("allocd ") ? `${text}. ` : `${text.charAt(0).toUpperCase()}${text.slice(1)}. `;
}

// The same, in which what stands in backquotes is to be typed.
export function phrase(text) {
  return sentence(text).split("`").map((part, index) => (index % 2 ? make("code", part) : part));
}

// Calls `act` with the values only when they differ from those of the last call, so that what the reader
// selected or focused stays.
export function whenChanged(act) {
  let last;
  return (...values) => {
    const key = JSON.stringify(values);
    if (key !== last) act(...values);
    last = key;
  };
}

// A table of the columns [title, class].  `fill` is given the rows, each a list of cells; the first is its head.
// `row` makes one, which the caller may add to the `body` by itself.
export function table(columns, caption) {
  const element = make("table"), head = make("tr"), body = make("tbody");
  if (caption) element.append(make("caption", caption, "unseen"));
  for (const [title, className] of columns) {
    const cell = make("th", title, className);
    cell.scope = "col";
    head.append(cell);
  }
  element.append(put(make("thead"), head), body);

  function row(cells) {
    return put(make("tr"), ...cells.map((content, i) => {
      const cell = make(i ? "td" : "th", undefined, columns[i][1]);
      if (!i) cell.scope = "row";
      cell.dataset.title = columns[i][0];
      if (content === UNKNOWN || content === undefined || content === null) cell.classList.add("unknown");
      return put(cell, ...[content ?? UNKNOWN].flat());
    }));
  }
  return {
    element,
    body,
    row,
    fill(rows, whenEmpty = "None.") {
      body.replaceChildren(...rows.map(row));
      if (rows.length) return;
      const cell = make("td", whenEmpty, "quiet");
      cell.colSpan = columns.length;
      body.append(put(make("tr"), cell));
    },
  };
}

let panels = 0;

// A section with a heading of its own.
export function panel(title, ...parts) {
  const section = make("section", undefined, "panel"), heading = make("h2", title);
  heading.id = `panel-${panels++}`;
  section.setAttribute("aria-labelledby", heading.id);
  return put(section, heading, ...parts);
}

// Names and their values, one a line.
export function facts(...pairs) {
  const list = make("dl", undefined, "facts");
  for (const [name, value] of pairs) list.append(make("dt", name), put(make("dd"), ...[value ?? UNKNOWN].flat()));
  return list;
}

const COLLAPSED_FROM = 4096, SHOWN_AT_MOST = 65536;

// What a publisher sent: behind a disclosure when it is long, and never more than 64 kB of it.
export function payload(text) {
  const box = make("pre", text.slice(0, SHOWN_AT_MOST));
  box.tabIndex = 0;
  if (text.length > SHOWN_AT_MOST) box.append(`\n… and ${whole(text.length - SHOWN_AT_MOST)} characters more`);
  if (text.length <= COLLAPSED_FROM) return box;
  return put(make("details"), make("summary", `${whole(text.length)} characters`), box);
}

export function badge(text, look) {
  return make("span", text, `badge ${look}`);
}
