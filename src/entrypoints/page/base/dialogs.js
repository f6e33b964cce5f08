// Questions that must be answered before something is changed.
import { request } from "./api.js";
import { button, make, put } from "./dom.js";
import { keep, keepToken, recall } from "./kept.js";

let fields = 0;

export function field(title, attributes = {}, name = "input") {
  const input = make(name), label = make("label", title);
  Object.assign(input, attributes);
  input.id = label.htmlFor = `field-${fields++}`;
  return { input, element: put(make("p", undefined, "field"), label, input) };
}

// A box to tick stands before its words.
export function checkbox(title, attributes = {}) {
  const one = field(title, { type: "checkbox", ...attributes });
  one.element.className = "tick";
  one.element.prepend(one.input);
  return one;
}

// Shows the parts above a button `words`.  `act` is called when it is pressed; the dialog stays open, with the
// reason, when that throws.  The promise is of what `act` returned, or undefined after "Cancel".
export function ask(title, words, parts, act) {
  const dialog = make("dialog"), form = make("form"), heading = make("h2", title), refusal = make("p", "", "refusal");
  const submit = make("button", words, "strong");
  heading.id = `dialog-${fields++}`;
  dialog.setAttribute("aria-labelledby", heading.id);
  refusal.setAttribute("role", "alert");
  const buttons = put(make("p", undefined, "buttons"), button("Cancel", () => dialog.close()), submit);
  put(dialog, put(form, heading, ...parts, refusal, buttons));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    let answer;
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      refusal.textContent = "";
      try {
        answer = await act();
        dialog.close();
      } catch (error) {
        refusal.textContent = error.message;
        submit.disabled = false;
      }
    });
  });
}

// A token that is wrong is refused whatever is asked.
async function check(token) {
  const response = await request("admin/status", { headers: { Authorization: `Bearer ${token}` } });
  if (response.status === 401) throw new Error("This token is wrong.");
  if (response.status === 429) throw new Error("There were too many wrong tokens: wait a minute.");
}

async function introduce() {
  const name = field("Your name, for the history", { required: true, maxLength: 64, pattern: "[^@]+", title: "A name without @", value: recall("localStorage", "operator") || "", autocomplete: "name" });
  const token = field("Token (ALLOCD_ADMIN_TOKEN)", { type: "password", required: true, autocomplete: "off", pattern: "[!-~]+" });
  const hint = make("p", "The token is kept until this tab is closed, the name by this browser.", "quiet");
  return ask("Who changes this?", "Continue", [name.element, token.element, hint], async () => {
    await check(token.input.value);
    keepToken(token.input.value);
    keep("sessionStorage", "may-write", "yes");
    keep("localStorage", "operator", name.input.value);
    return true;
  });
}

// Calls `act` once the operator has given a name and a token, which are asked once.  A token that is refused
// meanwhile is asked again.
export async function asOperator(act) {
  if (!recall("sessionStorage", "may-write") && !(await introduce())) return undefined;
  try {
    return await act();
  } catch (error) {
    if (error.status !== 401) throw error;
    keep("sessionStorage", "may-write", "");
    return asOperator(act);
  }
}
