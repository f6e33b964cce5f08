// What a row of a table of events shows, and where its names lead.
import { UNKNOWN, link, time, whole } from "../base/dom.js";
import { address } from "../frame/router.js";

export const COLUMNS = [["Time", "short"], ["Event", "short"], ["Order"], ["SKU"], ["Quantity", "number"], ["Batch"], ["Version", "number"]];
const TO_MS = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 };

export const sku = (name) => link(name, address("sku", name));
export const batch = (name) => (name ? link(name, address("batch", name)) : UNKNOWN);
export const order = (name) => (name ? link(name, address("order", name)) : UNKNOWN);
export const cause = (id) => (id ? link(id, address("message", id)) : UNKNOWN);

function timeOf(instant) {
  if (!instant) return UNKNOWN;
  return time(new Date(instant).toLocaleTimeString("sv", TO_MS).replace(",", "."), instant);
}

// A CloudEvent bears the event's fields in `data`; an event that cannot be read has none.
export function cellsOf({ type, at, data: sent }) {
  const { orderid, sku: name, qty, batchref, version, reason } = (sent?.specversion ? sent.data : sent) || {};
  return [timeOf(at), reason ? `${type}: ${reason}` : type, order(orderid), name ? sku(name) : UNKNOWN, qty === undefined ? UNKNOWN : whole(Number(qty)), batch(batchref), version === undefined ? UNKNOWN : String(version)];
}
