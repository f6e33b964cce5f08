// Opens the page in jsdom, and prints its text as JSON, a line each time when the text has changed.
import { createRequire } from "node:module";

const { JSDOM } = createRequire(import.meta.url)("jsdom");
const [url, token] = process.argv.slice(2);

const dom = await JSDOM.fromURL(url, {
  runScripts: "dangerously", // the page's own
  resources: "usable",
  pretendToBeVisual: true,
  beforeParse(window) {
    window.fetch = (path, options) => fetch(new URL(path, url), options); // jsdom has none
    window.AbortSignal = AbortSignal;
    if (token) window.sessionStorage.setItem("token", token);
  },
});

let last = "";
setInterval(() => {
  const text = dom.window.document.body.textContent.replace(/\s+/g, " ");
  if (text !== last) console.log(JSON.stringify({ title: dom.window.document.title, text }));
  last = text;
}, 50);
