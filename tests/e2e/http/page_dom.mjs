// Opens the page in jsdom, and prints its text as JSON, a line each time when the text has changed.
import { webcrypto } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { JSDOM } = createRequire(import.meta.url)("jsdom");
const [url, token] = process.argv.slice(2);

const dom = await JSDOM.fromURL(url, { pretendToBeVisual: true });
const { window } = dom;
if (token) window.sessionStorage.setItem("token", token);

// jsdom runs no modules: Node runs them, with the window's names as its own.
const shared = ["document", "location", "history", "localStorage", "sessionStorage", "Node"].map((name) => [name, window[name]]);
for (const [name, value] of [...shared, ["window", window], ["addEventListener", window.addEventListener.bind(window)]])
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
globalThis.crypto ??= webcrypto;
const ask = globalThis.fetch;
globalThis.fetch = (path, options) => ask(new URL(path, url), options);

async function runModules() {
  const directory = mkdtempSync(join(tmpdir(), "allocd-page-"));
  const paths = [...window.document.querySelectorAll("link[rel=modulepreload]")].map((link) => link.getAttribute("href"));
  try {
    writeFileSync(join(directory, "package.json"), '{"type": "module"}');
    for (const path of paths)
      writeFileSync(join(directory, path.replace("assets/", "")), await (await fetch(path)).text());
    await import(join(directory, window.document.querySelector("script").getAttribute("src").replace("assets/", "")));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

await runModules();
let last = "";
setInterval(() => {
  const text = window.document.body.textContent.replace(/\s+/g, " ");
  if (text !== last) console.log(JSON.stringify({ title: window.document.title, text }));
  last = text;
}, 50);
