"""A second reader of messages, by Python's own json and msgpack, jsonschema, and the rules of docs/messages.md.

The program that imports it has two arguments: the program of verdicts.c, and the folder of the schemas.
"""

import datetime
import decimal
import functools
import json
import math
import re
import subprocess
import sys

import msgpack.fallback
from schema_payloads import EPOCH, instant, resolved, SCHEMAS, VALIDATORS, violations

PAYLOAD_MAX = 64 * 1024  # bytes
DEPTH_MAX = 32
TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)


class Refused(ValueError):
    """A payload that is no message; `places` are the members that are to blame, or "payload"."""

    def __init__(self, *places):
        super().__init__(", ".join(places))
        self.places = set(places)


def ask(questions):
    """The program's verdicts on (message, payload) pairs, in one run of it."""
    lines = "".join(f"{name} {payload.hex()}\n" for name, payload in questions)
    answers = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout
    verdicts = [json.loads(line) for line in answers.split("\n")[:-1]]
    assert len(verdicts) == len(questions)
    return verdicts


# ---- values ----


class Pairs(dict):
    """An object with any keys, also twice: only texts are kept, and whether one was there twice."""

    def __init__(self, pairs):
        pairs = list(pairs)
        names = [name for name, _value in pairs if isinstance(name, str)]
        super().__init__((name, value) for name, value in pairs if isinstance(name, str))
        self.is_ambiguous = len(set(names)) < len(names)
        self.depth = 1 + max((depth_of(value) for pair in pairs for value in pair), default=0)


def depth_of(value):
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return value.depth if isinstance(value, Pairs) else 0


NO_FIELD_IS_THIS = True  # no schema allows a boolean, in any field


def exact(text):
    """A number of JSON as Python's float would not read it: 1e-400 is no 0."""
    if not re.search("[1-9]", re.split("[eE]", text)[0]):
        return 0
    try:
        number = decimal.Decimal(text)
    except decimal.InvalidOperation:  # its exponent is beyond all that Python knows
        return NO_FIELD_IS_THIS
    if number.adjusted() > 30:
        return NO_FIELD_IS_THIS
    return int(number) if number == number.to_integral_value() else NO_FIELD_IS_THIS


def is_unicode(text):
    return not any("\ud800" <= character <= "\udfff" for character in text)


def as_field(value):
    if isinstance(value, str):
        return value if is_unicode(value) else NO_FIELD_IS_THIS
    if isinstance(value, float):
        return value if math.isfinite(value) else NO_FIELD_IS_THIS
    return value


EXTENSION = msgpack.ExtType(0, b"")  # no schema allows any


class AnyTimestamp:
    """In place of msgpack's Timestamp, which refuses the payload for its size."""

    @staticmethod
    def from_bytes(_bytes):
        return EXTENSION


msgpack.fallback.Timestamp = AnyTimestamp


def any_extension(_type, _bytes):
    """In place of msgpack's ExtType, which refuses the payload for its type."""
    return EXTENSION


def parsed(raw):
    """A payload as Python reads it; ValueError when it cannot be read."""
    if len(raw) > PAYLOAD_MAX:
        raise Refused("payload")
    try:
        if raw[:1] and (0x80 <= raw[0] <= 0x8F or raw[0] in (0xDE, 0xDF)):
            return msgpack.fallback.unpackb(raw, object_pairs_hook=Pairs, ext_hook=any_extension, strict_map_key=False)
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=Pairs, parse_float=exact, parse_int=exact)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


# ---- the fields of a valid payload ----


def expected_fields(name, payload):
    """The fields as the program prints them: days and instants as numbers, absent ones left out."""
    fields = {}
    for field, rules in SCHEMAS[name]["properties"].items():
        value = payload.get(field)
        if value is None:
            continue
        target = rules["$ref"].split("/")[-1] if "$ref" in rules else field
        fields[target] = expected_value(resolved(name, rules), value)
    return fields


def expected_value(rules, value):
    if "integer" in rules["type"]:
        return int(value)
    if "enum" in rules:
        return value
    if "format" in rules:
        return instant(value)
    if "maxLength" not in rules:
        return (datetime.date.fromisoformat(value[:10]) - EPOCH).days
    return value


# ---- messages ----


def verdict(name, raw):
    """(what the program is to read of the bytes, no places), or (None, the places of which it is to blame one)."""
    try:
        return read(name, parsed_once(raw)), set()
    except Refused as refused:
        return None, refused.places
    except ValueError:
        return None, {"payload"}


@functools.lru_cache(1)
def parsed_once(raw):
    """The same bytes are often read under one name after the other."""
    return parsed(raw)


def read(name, payload):
    """What the program is to read of the parsed payload under that name; Refused when it is no message."""
    if not isinstance(payload, Pairs) or payload.is_ambiguous or payload.depth > DEPTH_MAX:
        raise Refused("payload")
    payload_fields = {member: as_field(value) for member, value in payload.items()}
    if "specversion" in payload:
        return read_cloudevent(name, payload, payload_fields)
    fields = read_fields(name, payload_fields)
    return {"fields": fields, "id": fields.get("id"), "source": "", "traceparent": traceparent_of(payload_fields)}


def read_fields(name, payload):
    places = {violated[1] if len(violated) > 1 else "batchref" for violated in violations(name, payload)}
    for alias, rules in SCHEMAS[name]["properties"].items():
        target = rules.get("$ref", alias).split("/")[-1]
        if alias in payload and target in payload and payload[alias] != payload[target]:
            places.add(target)
    if places:
        raise Refused(*places)
    return expected_fields(name, payload)


def is_text(value, longest):
    return isinstance(value, str) and 1 <= len(value) <= longest and "\0" not in value


def is_instant(value):
    try:
        return isinstance(value, str) and instant(value) is not None
    except ValueError:
        return False


def wrong_attributes(name, event):
    """An event's id is SKU/EPOCH/VERSION, and its source a setting; a command's are as long as any text."""
    is_event = SCHEMAS[name]["$id"].startswith("urn:allocd:event:")
    rules = {
        "specversion": event["specversion"] == "1.0",
        "type": event.get("type") == name,
        "data_base64": event.get("data_base64") is None,
        "id": is_text(event.get("id"), 295 if is_event else 255),
        "source": is_text(event.get("source"), 1024 if is_event else 255),
        "time": event.get("time") is None or is_instant(event["time"]),
        "data": isinstance(event.get("data"), Pairs) and not event["data"].is_ambiguous,
    }
    return [attribute for attribute, holds in rules.items() if not holds]


def read_cloudevent(name, payload, event):
    wrong = wrong_attributes(name, event)
    data = payload.get("data")
    if isinstance(data, Pairs) and data.is_ambiguous:
        raise Refused("payload", "data")
    if wrong:
        raise Refused(*wrong)
    data = {member: as_field(value) for member, value in data.items()}
    fields = read_fields(name, data)
    if event.get("time") is not None:
        fields["occurred_at" if "occurred_at" in SCHEMAS[name]["properties"] else "at"] = instant(event["time"])
    if not SCHEMAS[name]["$id"].startswith("urn:allocd:event:"):
        fields["id"] = event["id"]
    traceparent = traceparent_of(event) or traceparent_of(data)
    return {"fields": fields, "id": event["id"], "source": event["source"], "traceparent": traceparent}


def traceparent_of(payload):
    """https://www.w3.org/TR/trace-context/: a later version is carried as version 00, with the flag that it has."""
    text = payload.get("traceparent")
    match = TRACEPARENT.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    version, trace, parent, flags, more = match.groups()
    if version != "00":
        flags = f"{int(flags, 16) & 1:02x}"
    return None if version == "00" and more is not None else f"00-{trace}-{parent}-{flags}"
