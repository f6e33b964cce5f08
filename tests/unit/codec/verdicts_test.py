#!/usr/bin/python3
"""Compares the codec's verdicts with python3-jsonschema's, on the same schemas and generated payloads.

    verdicts_test.py VERDICTS SCHEMAS

VERDICTS is the program built from verdicts.c. Every payload is asked about in JSON and in MessagePack, and
what was read and written is compared with Python's own reading. What the contract demands beyond the
schemas (sizes, duplicate keys, aliases that differ, envelopes) is in tables of its own, at the end.
"""

import collections
import json
import random
import sys
import unittest

import msgpack
import second_reader
from schema_payloads import damaged, keywords_of, Payloads, SCHEMAS, VALIDATORS, violations
from second_reader import ask, expected_fields, is_unicode

SEED = 20260101
PAYLOADS_A_MESSAGE = 1200

EVENTS = [name for name, schema in SCHEMAS.items() if schema["$id"].startswith("urn:allocd:event:")]


def as_json(payload, rng):
    separators = rng.choice([(",", ":"), (", ", " : ")])
    text = json.dumps(payload, ensure_ascii=rng.random() < 0.5, separators=separators)
    return (text if is_unicode(text) else json.dumps(payload, separators=separators)).encode()


def as_messagepack(payload):
    """None when MessagePack cannot express it, or when it is not a map, which our codec takes for JSON."""
    try:
        return msgpack.packb(payload) if isinstance(payload, dict) else None
    except (OverflowError, UnicodeEncodeError):
        return None


Case = collections.namedtuple("Case", "name payload violated in_json in_messagepack")


def hides(name, place):
    """Whether the keyword is never violated alone: what violates the type of an enum violates the enum."""
    return place[0] == "properties" and place[2] == "type" and "enum" in SCHEMAS[name]["properties"][place[1]]


class GeneratedPayloads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rng = random.Random(SEED)
        drafts = []
        for name in SCHEMAS:
            payloads = Payloads(name, rng)
            for i in range(PAYLOADS_A_MESSAGE):
                drafts.append((name, payloads.good() if i % 2 else payloads.bad()))
        json_answers = ask([(name, as_json(payload, rng)) for name, payload in drafts])
        packed = [(name, as_messagepack(payload)) for name, payload in drafts]
        packed_answers = iter(ask([(name, payload) for name, payload in packed if payload is not None]))
        cls.cases = [
            Case(
                name,
                payload,
                set(violations(name, payload)),
                in_json,
                None if pack is None else next(packed_answers),
            )
            for (name, payload), in_json, (_name, pack) in zip(drafts, json_answers, packed)
        ]

    def test_there_are_several_thousand_and_at_least_30_percent_are_bad(self):
        bad = sum(bool(case.violated) for case in self.cases)
        self.assertGreaterEqual(len(self.cases), 5000)
        self.assertGreaterEqual(bad / len(self.cases), 0.3)
        self.assertGreaterEqual(1 - bad / len(self.cases), 0.3)

    def test_every_keyword_of_every_schema_is_violated(self):
        violated = collections.defaultdict(set)
        for case in self.cases:
            violated[case.name] |= case.violated
        for name in SCHEMAS:
            self.assertEqual(keywords_of(name) - violated[name], set(), name)
            self.assertEqual(violated[name] - keywords_of(name), set(), name)

    def test_each_keyword_is_violated_alone(self):
        """A violation beside others would not show that a validator ignores this keyword."""
        alone = collections.defaultdict(set)
        for case in self.cases:
            if len(case.violated) == 1:
                alone[case.name] |= case.violated
        for name in SCHEMAS:
            hidden = {place for place in keywords_of(name) if hides(name, place)}
            self.assertEqual(keywords_of(name) - alone[name], hidden, name)

    def test_the_verdict_in_json_is_that_of_jsonschema(self):
        for case in self.cases:
            self.assertEqual("error" in case.in_json, bool(case.violated), case)

    def test_the_verdict_in_messagepack_is_the_same(self):
        asked = [case for case in self.cases if case.in_messagepack]
        self.assertGreaterEqual(len(asked), 0.9 * len(self.cases))
        for case in asked:
            self.assertEqual("error" in case.in_messagepack, bool(case.violated), case)

    def test_the_fields_that_were_read_are_those_that_were_sent(self):
        for case in self.cases:
            if not case.violated:
                fields = expected_fields(case.name, case.payload)
                for answer in filter(None, (case.in_json, case.in_messagepack)):
                    self.assertEqual(answer["fields"], fields, case)
                    self.assertEqual(answer["id"], fields.get("id"), case)
                    self.assertEqual(answer["source"], "", case)

    def test_errors_are_short_and_safe_to_log(self):
        for case in self.cases:
            if case.violated:
                self.assertRegex(case.in_json["error"], r"\A[ -~]{1,200}\Z")


class DamagedBytes(unittest.TestCase):
    """Payloads with a byte or two changed, lost or repeated: still our verdict is that of two other programs."""

    PAYLOADS_AN_ENCODING = 6000

    def assert_same_verdicts(self, encode, least_good):
        rng = random.Random(SEED)
        names = list(SCHEMAS)
        drafts = []
        for _ in range(self.PAYLOADS_AN_ENCODING):
            name = rng.choice(names)
            drafts.append((name, damaged(encode(Payloads(name, rng).short(), rng), rng)))
        good = 0
        for (name, raw), answer in zip(drafts, ask(drafts)):
            expected, places = second_reader.verdict(name, raw)
            if places:
                self.assertIn(answer.get("error", "").split(":")[0], places, (name, raw, answer))
            else:
                self.assertEqual({**answer, "written": ""}, {**expected, "written": ""}, (name, raw))
            good += not places
        self.assertGreaterEqual(good, least_good)

    def test_in_json(self):
        self.assert_same_verdicts(as_json, 300)

    def test_in_messagepack(self):
        self.assert_same_verdicts(lambda payload, _rng: as_messagepack(payload), 300)


class UnknownFields(unittest.TestCase):
    """One more field, of any value and at any place, changes neither the verdict nor the fields that were read."""

    JSON = [
        b"18446744073709551615",
        b"-9223372036854775809",
        b"1e400",
        b"-1E-400",
        b"0.1000000000000000055511151231257827",
        b"NaN",
        b"[Infinity,-Infinity,null]",
        b'"\\ud83d"',
        b'{"\\ude00":"\\ude00\\ud83d","":"\\ud83d\\u0041"}',
        b'{"a":1,"a":{"a":NaN,"a":2}}',
        b'{"a\\u0000b":[1e999],"sku":{"sku":1},"specversion":"1.0","data":{}}',
        b"[" * 29 + b"]" * 29,
        b'"' + "ä€🪑\u202e\x7f\u0085\ufeff".encode() + b'"',
    ]
    MESSAGEPACK = [
        msgpack.packb(2**64 - 1),
        msgpack.packb(float("nan")),
        msgpack.packb([float("inf"), 1e308]),
        msgpack.packb({1: 2, -1: {None: True, 1.5: 0}, b"sku": 3}),
        msgpack.packb(msgpack.Timestamp(1, 2)),
        msgpack.packb(msgpack.ExtType(5, b"")),
        b"\xd4\xff\x00",  # an invalid timestamp
        b"\x82\xa1a\x01\xa1a\x02",  # a key twice
        b"\x82\x90\x01\x81\x01\x02\x03",  # a list and a map as keys
        b"\x82\xa4sku\x00\x01\xc4\x02\xff\xfe\xc6\x00\x00\x00\x01\xff",
        b"\x91" * 29 + b"\x90",
    ]

    def setUp(self):
        self.rng = random.Random(SEED)

    def drafts(self):
        """Payloads and the envelopes around some of them."""
        for name in SCHEMAS:
            payloads = Payloads(name, self.rng)
            for i in range(6 * len(self.JSON)):
                payload = payloads.good() if i % 3 else payloads.bad()
                if isinstance(payload, dict):
                    payload = {key: value for key, value in payload.items() if key in payloads.properties}
                    yield name, payload, i % 2 == 0

    def enveloped(self, name, data, is_event):
        if not is_event:
            return data
        return {"specversion": "1.0", "id": "1", "source": "test", "type": name, "data": data}

    def assert_same(self, plain, wild):
        self.assertGreater(len(plain), 400)
        for (name, raw), (_name, other), before, after in zip(plain, wild, ask(plain), ask(wild)):
            self.assertEqual("fields" in before, "fields" in after, (name, other, after))
            self.assertEqual({**before, "error": ""}, {**after, "error": ""}, (name, raw, other))

    def test_in_json(self):
        plain, wild = [], []
        for number, (name, payload, is_event) in enumerate(self.drafts()):
            value = self.JSON[number % len(self.JSON)]
            mark = "THE UNKNOWN FIELD"
            more = Payloads(name, self.rng).shuffled({**payload, mark: mark})
            outer = self.enveloped(name, payload, is_event)
            inner = self.enveloped(name, more, is_event)
            if is_event and number % 4 == 0:
                inner = {mark: mark, **outer}
            plain.append((name, json.dumps(outer).encode()))
            raw = json.dumps(inner).encode().replace(f'"{mark}": "{mark}"'.encode(), b'"x": ' + value)
            wild.append((name, b"\xef\xbb\xbf" * (number % 2) + raw))
        self.assert_same(plain, wild)

    def test_in_messagepack(self):
        plain, wild = [], []
        for number, (name, payload, is_event) in enumerate(self.drafts()):
            value = self.MESSAGEPACK[number % len(self.MESSAGEPACK)]
            key = [b"\xa1x", b"\x07", b"\xc4\x03sku", b"\xd4\x01\x01"][number % 4]
            mark = "THE UNKNOWN FIELD"
            more = Payloads(name, self.rng).shuffled({**payload, mark: mark})
            outer, inner = self.enveloped(name, payload, is_event), self.enveloped(name, more, is_event)
            if as_messagepack(outer) is None:
                continue
            plain.append((name, as_messagepack(outer)))
            wild.append((name, as_messagepack(inner).replace(2 * msgpack.packb(mark), key + value)))
        self.assert_same(plain, wild)


class WrittenEvents(unittest.TestCase):
    """What the codec writes, as Python's own json and msgpack read it."""

    @classmethod
    def setUpClass(cls):
        rng = random.Random(SEED)
        cls.payloads = [(name, Payloads(name, rng).good()) for name in EVENTS for _ in range(100)]
        for name, payload in cls.payloads:
            # Years beyond four digits cannot be written: see encode_test.c.
            payload[cls.instant(name)] = rng.choice(Payloads.GOOD_TIMES[:3])
            if cls.is_about_a_message(name):
                payload["id"] = payload.get("id") or "an id"  # that of the CloudEvent
        cls.answers = ask([(name, as_json(payload, rng)) for name, payload in cls.payloads])

    @staticmethod
    def is_about_a_message(name):
        return "sku" not in SCHEMAS[name]["properties"]

    @classmethod
    def instant(cls, name):
        return "at" if cls.is_about_a_message(name) else "occurred_at"

    def event_id(self, name, payload):
        if self.is_about_a_message(name):
            return payload["id"]
        number = int(payload.get("epoch") or 1)
        epoch = f"{number}/" if number > 1 else ""
        return f"{payload['sku']}/{epoch}{int(payload['version'])}"

    def written(self, way):
        for (name, payload), answer in zip(self.payloads, self.answers):
            yield name, payload, bytes.fromhex(answer["written"][way])

    def assert_says(self, name, payload, data):
        self.assertEqual(list(VALIDATORS[name].iter_errors(data)), [])
        self.assertEqual(set(data) - set(SCHEMAS[name]["properties"]), set())
        self.assertNotIn(None, data.values())
        self.assertEqual(expected_fields(name, data), expected_fields(name, payload))
        self.assertRegex(data[self.instant(name)], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")

    def assert_envelope_says(self, name, payload, event):
        data = event.pop("data")
        self.assert_says(name, payload, data)
        self.assertEqual(
            event,
            {
                "specversion": "1.0",
                "id": self.event_id(name, payload),
                "source": "test",
                "type": name,
                "time": data[self.instant(name)],
                "datacontenttype": "application/json",
            },
        )

    def test_json(self):
        for name, payload, written in self.written("json bare"):
            self.assert_says(name, payload, json.loads(written))

    def test_messagepack(self):
        for name, payload, written in self.written("msgpack bare"):
            self.assert_says(name, payload, msgpack.unpackb(written))

    def test_cloudevents_in_json(self):
        for name, payload, written in self.written("json cloudevents"):
            self.assert_envelope_says(name, payload, json.loads(written))

    def test_cloudevents_in_messagepack(self):
        for name, payload, written in self.written("msgpack cloudevents"):
            self.assert_envelope_says(name, payload, msgpack.unpackb(written))


class BeyondTheSchemas(unittest.TestCase):
    """The contract demands more than the schemas: jsonschema accepts all of these, our codec does not."""

    BATCH = {"batchref": "b1", "sku": "s1", "qty": 3}
    DEEP = 5

    for _ in range(31):
        DEEP = [DEEP]

    PARSED = [
        ("an alias that differs", {**BATCH, "ref": "b2"}),
        ("nested deeper than 32", {**BATCH, "x": [DEEP]}),
        ("over 64 KiB", {**BATCH, "x": "x" * 65536}),
        ("an envelope without its attributes", {**BATCH, "specversion": "1.0"}),
    ]
    RAW = [
        ("a key twice", b'{"batchref":"b1","sku":"s1","qty":3,"qty":3}'),
        ("an unknown key twice", b'{"batchref":"b1","sku":"s1","qty":3,"x":1,"x":1}'),
        ("a lone surrogate", b'{"batchref":"b1","sku":"\\ud800","qty":3}'),
        ("a number that only a float thinks an integer", b'{"batchref":"b1","sku":"s1","qty":3.00000000000000000001}'),
    ]

    def assert_only_we_refuse(self, what, payload, encoded):
        self.assertEqual(list(VALIDATORS["create_batch"].iter_errors(payload)), [], what)
        (answer,) = ask([("create_batch", encoded)])
        self.assertIn("error", answer, what)

    def test_in_json(self):
        rng = random.Random(SEED)
        for what, payload in self.PARSED:
            self.assert_only_we_refuse(what, payload, as_json(payload, rng))
        for what, raw in self.RAW:
            self.assert_only_we_refuse(what, json.loads(raw), raw)

    def test_in_messagepack(self):
        for what, payload in self.PARSED:
            self.assert_only_we_refuse(what, payload, as_messagepack(payload))

    def test_a_needed_number_is_read_exactly(self):
        for number, quantity in [
            ("1e-400", None),
            ("-1e-400", None),
            ("1e400", None),
            ("1e-1", None),
            ("NaN", None),
            ("Infinity", None),
            ("18446744073709551616", None),
            ("2147483647.5", None),
            ("-1", None),
            ("-0", 0),
            ("-0.0", 0),
            ("0e-400", 0),
            ("1E1", 10),
            ("10.0", 10),
            ("1200e-2", 12),
            ("0.000000000000000000012e21", 12),
            ("2147483647.000", 2147483647),
        ]:
            for raw in (
                '{"batchref":"b","qty":%s}' % number,
                '{"specversion":"1.0","id":"1","source":"s","type":"change_batch_quantity",'
                '"data":{"qty":%s,"ref":"b"}}' % number,
            ):
                (answer,) = ask([("change_batch_quantity", raw.encode())])
                if quantity is None:
                    self.assertTrue(answer.get("error", "").startswith("qty: "), (raw, answer))
                else:
                    self.assertEqual(answer["fields"]["qty"], quantity, raw)

    def test_payloads_up_to_the_limits_are_accepted(self):
        for payload in ({**self.BATCH, "x": self.DEEP}, {**self.BATCH, "x": "x" * 65000}):
            for encoded in (json.dumps(payload).encode(), as_messagepack(payload)):
                (answer,) = ask([("create_batch", encoded)])
                self.assertIn("fields", answer)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
