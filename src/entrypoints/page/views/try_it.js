// A form for each command: sends it, and shows its outcome and its events.
import { write } from "../base/api.js";
import { COMMANDS } from "../base/commands.js";
import { badge, link, make, panel, put, table } from "../base/dom.js";
import { asOperator, field } from "../base/dialogs.js";
import { randomId, stringify } from "../base/exact.js";
import { valueOf } from "../letters/fields.js";
import { mayWrite } from "../letters/jobs.js";
import { address } from "../frame/router.js";
import { eventsTable } from "./stock.js";

function inputFor({ name, type, required, description }) {
  const one = field(name, { required, autocomplete: "off", title: description });
  const hint = make("span", description, "quiet hint");
  hint.id = `${one.input.id}-hint`;
  one.input.setAttribute("aria-describedby", hint.id);
  if (name === "id") one.input.value = randomId();
  one.element.append(hint);
  return { ...one, value: () => (one.input.value === "" && !required ? undefined : valueOf(one.input.value, type === "integer" ? "integer" : "text", name)) };
}

function answered(answer) {
  const outcome = answer.outcome || "accepted", look = outcome === "handled" || outcome === "accepted" ? "good" : "warn";
  const id = answer.id ? [" ", link(answer.id, address("message", answer.id))] : [];
  return [put(make("p"), badge(outcome, look), ...id), eventsTable(answer.events || [])];
}

function openForm(main, command) {
  const inputs = command.fields.map(inputFor), form = make("form"), result = make("div");
  const refusal = make("p", "", "refusal");
  refusal.setAttribute("role", "alert");
  async function send() {
    const body = Object.fromEntries(command.fields.map(({ name }, i) => [name, inputs[i].value()]).filter(([, value]) => value !== undefined));
    result.replaceChildren(make("pre", stringify(body, 2)));
    const answer = await write(`admin/commands/${command.name}`, body);
    if (answer) result.replaceChildren(...answered(answer));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    refusal.textContent = "";
    asOperator(send).catch((error) => { refusal.textContent = error.message; });
  });
  put(form, ...inputs.map((one) => one.element), put(make("p", undefined, "buttons"), make("button", `Send ${command.name}`, "strong")), refusal, result);
  main.append(put(panel(command.name), make("p", command.description, "quiet"), form));
}

export const tryIt = {
  title: "Try it",
  key: "t",
  open(main, [name]) {
    const command = COMMANDS.find((one) => one.name === name);
    const show = () => {
      if (mayWrite() && command) return openForm(main, command);
      const rows = table([["Command", "short"], ["What it says"]], "Commands");
      rows.fill(COMMANDS.map((one) => [mayWrite() ? link(one.name, address("try", one.name)) : one.name, one.description]));
      main.append(panel("Send a command", ...(mayWrite() ? [] : [make("p", "Read only: this worker has no ALLOCD_ADMIN_TOKEN, so no command can be sent from here.", "quiet")]), rows.element));
    };
    let isShown = false;
    return {
      show() { // what may be done is known once the worker has answered
        if (!isShown) show();
        isShown = true;
      },
    };
  },
};
