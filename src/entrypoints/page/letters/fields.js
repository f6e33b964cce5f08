// The fields of a message as a form, whose edits keep the types: text stays text, an integer an integer.
import { button, make, put } from "../base/dom.js";
import { stringify } from "../base/exact.js";

const KINDS = ["text", "integer", "removed"];

const isInteger = (value) => typeof value === "bigint" || Number.isInteger(value);

// What the text stands for, when it is of that kind.
export function valueOf(text, kind, name) {
  if (kind === "removed") return null;
  if (kind === "text") return text;
  if (!/^-?\d+$/.test(text.trim())) throw new Error(`${name}: expected an integer.`);
  const value = BigInt(text.trim());
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

let forms = 0;

function fieldRow(name, value, id) {
  const input = make("input"), kind = make("select"), label = make("label", name), row = make("div", undefined, "edit");
  input.id = label.htmlFor = id;
  input.value = value;
  input.autocomplete = "off";
  input.spellcheck = false;
  kind.setAttribute("aria-label", `Kind of ${name}`);
  kind.append(...KINDS.map((one) => make("option", one)));
  kind.value = isInteger(value) ? "integer" : "text";
  kind.addEventListener("change", () => { input.disabled = kind.value === "removed"; });
  return { row: put(row, label, input, kind), read: () => valueOf(input.value, kind.value, name) };
}

function fixedRow(name, value) {
  return put(make("div", undefined, "edit"), make("span", name), make("code", stringify(value)));
}

// `edits()` returns the fields that differ from those that came, by name; null is for one that is removed.
export function fieldsForm(fields) {
  const element = make("div", undefined, "edits"), readers = new Map(), id = `form-${forms++}`;

  function add(name, value) {
    const { row, read } = fieldRow(name, value, `${id}-${readers.size}`);
    readers.set(name, read);
    element.append(row);
  }
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string" || isInteger(value)) add(name, value);
    else element.append(fixedRow(name, value));
  }
  const other = make("input");
  other.setAttribute("aria-label", "Name of a field to add");
  other.placeholder = "another field";
  const more = put(make("div", undefined, "edit"), other, button("Add it", () => {
    const name = other.value.trim();
    if (!name || readers.has(name)) return;
    add(name, "");
    element.append(more);
    other.value = "";
  }));
  element.append(more);
  return {
    element,
    edits() {
      const changed = [...readers].map(([name, read]) => [name, read()]).filter(([name, value]) => (name in fields ? fields[name] !== value : value !== null));
      return Object.fromEntries(changed);
    },
  };
}
