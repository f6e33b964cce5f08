// What the page's modules compute, without a browser: page_logic.mjs DIRECTORY-OF-MODULES.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { test } from "node:test";

globalThis.crypto ??= webcrypto;
const load = (name) => import(`${process.env.PAGE_MODULES}/${name}.js`);
const { parse, stringify } = await load("base/exact");
const { merged, samplesOf } = await load("frame/samples");
const { lines, minutesOf, rounded } = await load("base/charts");
const { valueOf } = await load("letters/fields");
const { microseconds, stepsOf } = await load("views/waterfall");
const { undoing } = await load("letters/actions");
const { sentence, span, visible } = await load("base/dom");

test("integers that a number cannot hold stay exact, and text that looks like one stays text", () => {
  const text = '{"qty":1180591620717411303424,"text":"1180591620717411303424","small":-5,"part":1.5,"more":["a\\"9007199254740993"]}';
  assert.equal(parse(text).qty, 1180591620717411303424n);
  assert.equal(stringify(parse(text)), text);
});

test("an edit keeps the kind of its field", () => {
  assert.equal(valueOf("007", "text", "sku"), "007");
  assert.equal(valueOf(" 5 ", "integer", "qty"), 5);
  assert.equal(valueOf("9007199254740993", "integer", "qty"), 9007199254740993n);
  assert.equal(valueOf("5", "removed", "qty"), null);
  assert.throws(() => valueOf("5.0", "integer", "qty"), /qty: expected an integer/);
});

test("marks that turn the direction of text and controls are shown, joiners and lines are kept", () => {
  assert.equal(visible("a\u202eb\u0007\u200bc\u200dd\ne"), "a\\u202eb\\u0007\\u200bc\u200dd\ne");
});

test("what the worker kept comes before what the page has seen", () => {
  const kept = samplesOf({ step_s: 1, columns: ["at_ms", "handled", "p99"], points: [[1000, 5, null], [2000, 6, 1.5]] });
  assert.deepEqual(kept, [{ at: 1000, handled: 5, p99: null }, { at: 2000, handled: 6, p99: 1.5 }]);
  assert.deepEqual(merged(kept, [{ at: 1500 }, { at: 2500 }]).map(({ at }) => at), [1000, 2000, 2500]);
  assert.deepEqual(merged([], [{ at: 1 }]), [{ at: 1 }]);
});

test("a line has gaps where a figure is not known and where no sample was taken", () => {
  const samples = [{ at: 0, v: 1 }, { at: 1000, v: 2 }, { at: 2000, v: null }, { at: 3000, v: 3 }, { at: 60000, v: 4 }];
  const x = (at) => at / 1000, y = (value) => value;
  assert.equal(lines(samples, "v", x, y), "M0.0 1.0L1.0 2.0M3.0 3.0M60.0 4.0");
});

test("a scale ends at a round number, and its time at no more than is known", () => {
  assert.deepEqual([1, 1.2, 3, 51, 700, 1000].map(rounded), [1, 2, 5, 100, 1000, 1000]);
  assert.deepEqual([59, 61, 240, 600.9, 86400].map((s) => minutesOf([{ at: 0 }, { at: s * 1000 }])), [1, 2, 5, 10, 1440]);
});

test("the way of a message is made of the steps whose both ends are known", () => {
  const at = (us) => `2026-01-01T00:00:00.${String(us).padStart(6, "0")}Z`;
  const times = { published: null, received: at(100), began: at(150), loaded: null, handled: at(180), committed: at(1180) };
  const steps = stepsOf(times, [{ name: "line_allocated", at: at(3000) }, { name: "out_of_stock", at: null }, { name: "early", at: at(1) }]);
  const first = microseconds(at(0));
  assert.deepEqual(steps.map(({ name, from, to }) => [name, from - first, to - first]), [
    ["waits for its unit of work", 100, 150], ["is handled", 150, 180], ["is committed", 180, 1180],
    ["line_allocated goes out", 1180, 3000], ["early goes out", 1180, 1180],
  ]);
  assert.equal(microseconds("2026-01-01T00:00:00Z"), Date.UTC(2026, 0, 1) * 1000);
});

test("what was discarded before is not restored by an undo", () => {
  assert.deepEqual(undoing({ ids: [1, 2] }, "T", 2), { ids: [1, 2], expected_count: 2 });
  assert.deepEqual(undoing({ filter: { outcome: "failed", "older-than": "2h" } }, "T", 300), { filter: { outcome: "failed", since: "T" }, expected_count: 300 });
});

test("times and sentences read as people write them", () => {
  assert.deepEqual([1000, 119000, 7199000, 172799000, 172800000].map(span), ["1 s", "119 s", "119 min", "47 h", "2 d"]);
  assert.equal(sentence("start Redis") + sentence("allocd verify"), "Start Redis. allocd verify. ");
});
