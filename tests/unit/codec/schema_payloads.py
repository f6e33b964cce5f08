"""Python's validator on the program's schemas, and payloads that it accepts or refuses.

The program that imports it has the folder of the schemas as its second argument.
"""

import copy
import datetime
import json
import pathlib
import re
import sys

import jsonschema

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in sorted(pathlib.Path(sys.argv[2]).glob("*.json"))}

# It is read as a part of the envelope, and never a reason to refuse a message: see cloudevents_test.c.
for schema in SCHEMAS.values():
    del schema["properties"]["traceparent"]

# Debian 12 lacks rfc3339-validator, on which jsonschema's own check of date-time depends: without it, it
# would check nothing. This one is RFC 3339, section 5.6, with the blank of its note.
DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
EPOCH = datetime.date(1970, 1, 1)


def instant(text):
    """Microseconds since 1970; ValueError when the text is no date-time."""
    match = DATE_TIME.fullmatch(text)
    if not match:
        raise ValueError(text)
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    fraction, sign, zone_hour, zone_minute = match.groups()[6:]
    zone_hour, zone_minute = int(zone_hour or 0), int(zone_minute or 0)
    if hour > 23 or minute > 59 or second > 60 or zone_hour > 23 or zone_minute > 59:
        raise ValueError(text)
    days = (datetime.date(year, month, day) - EPOCH).days
    east = (-1 if sign == "-" else 1) * (zone_hour * 3600 + zone_minute * 60)
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - east
    return seconds * 10**6 + int((fraction or "0").ljust(6, "0")[:6])


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value):
    if isinstance(value, str):
        instant(value)
    return True


def pattern(_validator, regex, value, _schema):
    """ECMA-262, which JSON Schema refers to: `$` is the very end. Python's is also before a last newline."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", regex), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {regex!r}")


Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": pattern})
VALIDATORS = {name: Validator(schema, format_checker=FORMATS) for name, schema in SCHEMAS.items()}


def keywords_of(name):
    """Every place in the schema that can be violated: ('properties', 'qty', 'minimum')."""
    schema = SCHEMAS[name]
    places = {("type",)} | {("required", field) for field in schema["required"]}
    if "anyOf" in schema:
        places.add(("anyOf",))
    for field, rules in schema["properties"].items():
        rules = resolved(name, rules)
        places |= {("properties", field, keyword) for keyword in rules if keyword != "description"}
    return places


def resolved(name, rules):
    return SCHEMAS[name]["properties"][rules["$ref"].split("/")[-1]] if "$ref" in rules else rules


def violations(name, payload):
    for error in VALIDATORS[name].iter_errors(payload):
        if error.validator == "required":
            missing = [field for field in error.validator_value if error.message.startswith(f"'{field}'")]
            yield ("required", missing[0])
        elif error.absolute_path:
            yield ("properties", error.absolute_path[0], error.validator)
        else:
            yield (error.validator,)


class Payloads:
    """Payloads of one message: valid ones, and ones with a fault or two."""

    CHARACTERS = "aZ09-_/ \t\n\"\\'{}äß€漢\u00a0\u200b\u2028\uffff\U0001fa91"
    GOOD_TIMES = [
        "2026-01-02T03:04:05Z",
        "2026-01-02t03:04:05.123456789z",
        "2026-01-02 03:04:05+00:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "2016-12-31T23:59:60Z",
        "2024-02-29T12:00:00-23:59",
        "1969-12-31T23:59:59.000001+05:30",
    ]
    BAD_TIMES = [
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04Z",
        "2026-02-29T03:04:05Z",
        "2026-13-01T03:04:05Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:00Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05+0000",
        "2026-01-02T03:04:05+24:00",
        "0000-01-01T00:00:00Z",
        "2026-01-02T03:04:05Z\n",
        " 2026-01-02T03:04:05Z",
        "２026-01-02T03:04:05Z",
        "now",
    ]
    GOOD_DAYS = [
        "2011-01-02",
        "0001-01-01",
        "9999-12-31",
        "2024-02-29",
        "2000-02-29",
        "2011-01-02T00:00",
        "2011-01-02 23:59:60",
        "2011-01-02t12:00:00.5z",
        "2011-01-02T12:00:00+0130",
        "2011-01-02T12:00-01:30",
        "2011-01-02 12:00:00+00",
        "2011-01-02 12:00:00.5 -0330",
        "2011-01-02 12:00:00+00:53:28",
    ]
    BAD_DAYS = [
        "",
        "2011-1-2",
        "2011-02-29",
        "1900-02-29",
        "2011-04-31",
        "2011-00-01",
        "2011-13-01",
        "0000-01-01",
        "0000-02-29",
        "2011-01-02T",
        "2011-01-02T24:00",
        "2011-01-02T12:60",
        "2011-01-02T12:00:61",
        "2011-01-02T12:00.5",
        "2011-01-02T12:00:00+24:00",
        "2011-01-02T12:00:00+1",
        "2011-01-02T12:00:00  +01",
        "2011-01-02T12:00:00+01:00:60",
        "2011-01-02\n",
        "2011-01-02\x00",
        "+2011-01-02",
        "20110102",
        "today",
    ]
    OTHER_VALUES = [None, True, False, [], {}, ["x"], {"x": 1}, 0, 1, -1, 1.5, 10.0, "", "x", "10", "2026-01-02"]

    # Values that no field could have, and that do no harm in an unknown field.
    WILD_VALUES = [
        "\0",
        "\ud83d",
        {"\udc00": "\udc00\ud83d"},
        {"a\0": [2**64 - 1, 2**63, -(2**63)]},
        2**64 - 1,
        1e308,
        float("nan"),
        [float("inf"), -float("inf")],
        {1: {2: 3}},
        [[{"sku": [0.5]}]],
    ]

    def __init__(self, name, rng):
        self.name = name
        self.rng = rng
        self.properties = {
            field: resolved(name, rules) for field, rules in SCHEMAS[name]["properties"].items()
        }
        self.aliases = {
            alias: rules["$ref"].split("/")[-1]
            for alias, rules in SCHEMAS[name]["properties"].items()
            if "$ref" in rules
        }

    def text(self, length):
        return "".join(self.rng.choice(self.CHARACTERS) for _ in range(length))

    def good_value(self, rules):
        kind = rules["type"]
        if isinstance(kind, list) and self.rng.random() < 0.2:
            return None
        if "integer" in kind:
            low, high = rules["minimum"], rules["maximum"]
            number = self.rng.choice([low, low + 1, high - 1, high, self.rng.randint(low, high)])
            return float(number) if abs(number) < 2**53 and self.rng.random() < 0.2 else number
        if "enum" in rules:
            return self.rng.choice(rules["enum"])
        if "format" in rules:
            return self.rng.choice(self.GOOD_TIMES)
        if "maxLength" not in rules:
            return self.rng.choice(self.GOOD_DAYS)
        low, high = rules["minLength"], rules["maxLength"]
        return self.text(self.rng.choice([low, high - 1, high, self.rng.randint(low, 30)]))

    def bad_value(self, rules):
        if self.rng.random() < 0.3:
            return copy.deepcopy(self.rng.choice(self.OTHER_VALUES))
        if "integer" in rules["type"]:
            low, high = rules["minimum"], rules["maximum"]
            middle = high / 2 + 0.25 if high < 2**53 else 2**40 + 0.25  # beyond, a float has no fraction
            return self.rng.choice([low - 1, high + 1, float(high) * 4, low - 0.5, middle, -(2**63)])
        if "enum" in rules:
            return self.rng.choice([5, True, self.text(3), rules["enum"][0][1:], rules["enum"][0] + "\0"])
        if "format" in rules:
            return self.rng.choice(self.BAD_TIMES)
        if "maxLength" not in rules:
            return self.rng.choice(self.BAD_DAYS)
        low, high = rules["minLength"], rules["maxLength"]
        return self.rng.choice([self.text(low - 1), self.text(high + 1), self.text(3) + "\0" + self.text(3)])

    def good(self):
        payload = {}
        for field, rules in self.properties.items():
            optional = isinstance(rules["type"], list)
            if field not in self.aliases and not (optional and self.rng.random() < 0.4):
                payload[field] = self.good_value(rules)
        for alias, field in self.aliases.items():
            self.use_alias(payload, alias, field)
        if self.rng.random() < 0.3:
            payload[self.rng.choice(["colour", "Sku", "", "ä", "x" * 300])] = self.rng.choice(
                [*self.OTHER_VALUES, *self.WILD_VALUES]
            )
        return self.shuffled(payload)

    def short(self):
        """A valid payload in which most bytes matter."""
        payload = {}
        for field, rules in self.properties.items():
            if field not in self.aliases:
                payload[field] = self.text(3) if "maxLength" in rules else self.good_value(rules)
        payload["x"] = self.rng.choice([None, "ä€", -5, 1.5, [True, {"y": 2**40}], {"y": {"z": "z"}}])
        return payload

    def use_alias(self, payload, alias, field):
        """The field's own name, its alias, or both with the same value."""
        way = self.rng.randrange(3)
        if way > 0:
            payload[alias] = payload[field]
        if way == 1:
            del payload[field]

    def bad(self):
        if self.rng.random() < 0.02:
            return self.rng.choice([[], [self.good()], None, "x", 5, 1.5, True])
        payload = self.good()
        for _ in range(self.rng.choice([1, 1, 1, 2])):
            field = self.rng.choice(list(self.properties))
            if self.rng.random() < 0.25:
                payload.pop(field, None)
            else:
                self.spoil(payload, field)
        return self.shuffled(payload)

    def spoil(self, payload, field):
        """A bad value, and under both names if there are two: the schema does not say that both agree."""
        payload[field] = self.bad_value(self.properties[field])
        pairs = [*self.aliases.items(), *((name, alias) for alias, name in self.aliases.items())]
        for name, other in pairs:
            if name == field and other in payload:
                payload[other] = payload[field]

    def shuffled(self, payload):
        members = list(payload.items())
        self.rng.shuffle(members)
        return dict(members)


INTERESTING = b'\x00\x80\x81\x90\xa1\xc0\xc1\xc4\xca\xcb\xcf\xd3\xd9\xdd\xdf\xff"\\{}[],:0e-.'


def damaged(raw, rng):
    """The payload with a byte or two changed, lost or added."""
    raw = bytearray(raw)
    for _ in range(rng.choice([1, 1, 2])):
        place = rng.randrange(len(raw) or 1)
        way = rng.randrange(4)
        if way == 0:
            del raw[place : place + 1]
        elif way == 1:
            raw.insert(place, rng.choice(INTERESTING))
        else:
            raw[place : place + 1] = bytes([rng.randrange(256) if way == 2 else rng.choice(INTERESTING)])
    return bytes(raw)
