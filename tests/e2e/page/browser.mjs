// A browser that does what standard input says: each line is {"script", "given"}, each answer {"value"} or {"error"}.
// A script is the body of an async function of `page` (playwright's), `given` and `tools`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const AsyncFunction = (async () => {}).constructor;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
let page = null, complaints = [];

// A page of its own for each test, without what the last one kept.
async function fresh(options) {
  await page?.context().close();
  complaints = [];
  page = await (await browser.newContext({ reducedMotion: "reduce", ...options })).newPage();
  page.setDefaultTimeout(15000);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
}

// What axe-core objects to, by all its rules or by these.
async function violations(rules) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const { violations: found } = await page.evaluate((values) => window.axe.run(document, { resultTypes: ["violations"], ...(values && { runOnly: values }) }), rules);
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

const tools = { fresh, violations, complaints: () => complaints };

for await (const line of createInterface({ input: process.stdin })) {
  const { script, given } = JSON.parse(line);
  try {
    const value = await new AsyncFunction("page", "given", "tools", script)(page, given, tools);
    console.log(JSON.stringify({ value: value ?? null }));
  } catch (error) {
    const shown = await page?.locator("body").innerText({ timeout: 1000 }).catch(() => "");
    console.log(JSON.stringify({ error: `${error.stack || error}\nThe page shows: ${shown}` }));
  }
}
await browser.close();
