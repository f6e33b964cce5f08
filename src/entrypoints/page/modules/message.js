// The view of one message: what became of it.
import { read } from "./api.js";
import { make, panel, payload } from "./dom.js";
import { stringify } from "./exact.js";

export const messageView = {
  title: "Message",
  open(main, [id = ""]) {
    main.append(make("h2", `Message ${id}`, "subject"));
    read(`admin/messages/${encodeURIComponent(id)}`).then((answer) => main.append(panel("What is known", payload(stringify(answer, 2)))),
      (error) => main.append(make("p", error.message, "refusal")));
  },
};
