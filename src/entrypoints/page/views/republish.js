// Publishes the events of a SKU again, for a consumer that missed some.
import { write } from "../base/api.js";
import { button, make, panel, put } from "../base/dom.js";
import { ask, asOperator, field } from "../base/dialogs.js";
import { jobPanel, mayWrite } from "../letters/jobs.js";

async function republish(sku, version, outcome) {
  const from = field("From version", { type: "number", min: 1, max: version, required: true, value: "1" });
  const channel = field("Channel (empty: each event on the channel of its name)", { maxLength: 255, autocomplete: "off" });
  const hint = make("p", "Every subscriber of these channels receives the events again, in order. They are not added to the event stream again.", "quiet");
  const job = await ask(`Publish events of ${sku} again?`, "Publish again", [from.element, channel.element, hint], () => write("admin/republish",
    { sku, from_version: Number(from.input.value), ...(channel.input.value ? { channel: channel.input.value } : {}) }));
  if (job) outcome.replaceChildren(jobPanel(job).element);
}

export function republishPanel(sku, version) {
  const refusal = make("p", "", "refusal"), outcome = make("div");
  if (!mayWrite()) return "";
  refusal.setAttribute("role", "alert");
  const act = button("Publish events again …", () => {
    refusal.textContent = "";
    asOperator(() => republish(sku, version, outcome)).catch((error) => { refusal.textContent = error.message; });
  });
  return put(panel("For a consumer that missed some"), put(make("p", undefined, "buttons"), act), refusal, outcome);
}
