// JSON whose integers stay exact: those that a JavaScript number cannot hold are BigInts.

// 128 random bits in hexadecimal; crypto.randomUUID() is not there for pages of plain HTTP.
export function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const MARK = `exact-${randomId()}-`; // nobody who sends a message can know it
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function isBig(token) {
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token));
}

export function parse(text) {
  const marked = text.replace(TOKENS, (token) => (isBig(token) ? `"${MARK}${token}"` : token));
  return JSON.parse(marked, (_, value) => (typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value));
}

export function stringify(value, indent) {
  const text = JSON.stringify(value, (_, one) => (typeof one === "bigint" ? MARK + one : one), indent);
  return text.replaceAll(new RegExp(`"${MARK}(-?\\d+)"`, "g"), "$1");
}
