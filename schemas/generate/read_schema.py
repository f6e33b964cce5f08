"""Reads the JSON Schemas of the messages, and refuses a schema that the generator does not fully understand.

A keyword that was ignored here would be a promise that the validator in C does not keep.  An unknown keyword
is therefore refused, with file, property and reason.
"""

import dataclasses
import json
import re

DRAFT = "https://json-schema.org/draft/2020-12/schema"

# A pattern is recognised by its exact text; its meaning is implemented again in C.
NO_NUL = r"^[^\u0000]*$"
DAY = (
    r"^(?:(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29)"
    r"(?:[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:\.[0-9]+)?)?"
    r"(?:[Zz]| ?[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9](?::?[0-5][0-9])?)?)?)?$"
)

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# The codecs rely on these fields: their kind, and whether they are required.
STANDARD_FIELDS = {
    "command": {"id": ("FIELD_TEXT", False), "occurred_at": ("FIELD_INSTANT", False)},
    "event": {
        "sku": ("FIELD_TEXT", True),
        "version": ("FIELD_INT64", True),
        "occurred_at": ("FIELD_INSTANT", True),
        "cause": ("FIELD_TEXT", False),
        "epoch": ("FIELD_INT64", False),
    },
    "event about a message": {
        "id": ("FIELD_TEXT", False),
        "message": ("FIELD_TEXT", True),
        "at": ("FIELD_INSTANT", True),
    },
}

# The codecs read and write it as a part of the envelope, because it is none of a message's content.
TRACEPARENT = {
    "command": {
        "description": "The trace that it belongs to (W3C Trace Context). One that is malformed has no effect.",
    },
    "event": {
        "description": "The trace that it belongs to (W3C Trace Context), when known.",
        "type": ["string", "null"],
        "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
    },
}

C_KEYWORDS = set(
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile "
    "while asm bool true false typeof".split()
)
# The generated header (`struct message`, MSG_NONE, MSG_TYPES) and core/field.h use these names.
TAKEN_MESSAGE_NAMES = {"message", "message_descriptor", "field", "none", "types"}
# The codecs treat a message with this member as a CloudEvents envelope.
TAKEN_FIELD_NAMES = {"specversion"}

# The annotations in 'x-allocd' define a command's HTTP endpoint, and what replaces a message; they do not change
# which messages are valid.
HTTP_PATH = re.compile(r"/[a-z][a-z0-9_]*")
HTTP_STATUSES = (201, 202)
# A URI template (RFC 6570) that ends in one expression: "/allocations/{orderid}".
HTTP_LOCATION = re.compile(r"((?:/[a-z][a-z0-9_]*)+/)\{([a-z0-9_]+)\}")

ARTICLE = {"command": "a command", "event": "an event"}
SUBJECT = {"KEY_SKU": "a product", "KEY_MESSAGE": "a message"}  # of an event

# The minor version that replaced a message: "0.2".
SINCE = re.compile(r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)")

# The required texts that can name a message's product, and their constants in C; the first match counts.
PRODUCT_KEYS = {"sku": "KEY_SKU", "batchref": "KEY_BATCHREF"}


class Refused(Exception):
    """A schema that the generator does not fully understand."""


@dataclasses.dataclass
class Field:
    name: str
    description: str
    kind: str
    nullable: bool
    min: int = 0
    max: int = 0
    required: bool = False
    alias: str | None = None
    choices: tuple[str, ...] = ()  # of a text that takes no other value


@dataclasses.dataclass
class Endpoint:
    """How a command is sent over HTTP."""

    path: str
    status: int
    location_path: str | None
    location_field: str | None


@dataclasses.dataclass
class Message:
    name: str
    role: str
    description: str
    fields: list[Field]
    key: str
    endpoint: Endpoint | None
    replaced_by: str | None = None


def check(condition, where, reason):
    if not condition:
        raise Refused(f"{where}: {reason}")


def read_schema(path):
    """Returns the file's JSON; refuses duplicate keys, NaN and Infinity."""
    where = path.name

    def unique(pairs):
        for i, (key, _value) in enumerate(pairs):
            check(key not in dict(pairs[:i]), where, f"key {key!r} comes twice")
        return dict(pairs)

    def no_constant(text):
        raise Refused(f"{where}: {text} is not JSON")

    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except ValueError as error:
        raise Refused(f"{where}: not JSON in UTF-8: {error}") from error


def check_keywords(schema, where, required, optional=()):
    check(isinstance(schema, dict), where, "must be an object")
    for keyword in schema:
        check(keyword in required or keyword in optional, where, f"unknown keyword {keyword!r}")
    for keyword in required:
        check(keyword in schema, where, f"lacks {keyword!r}")


def check_description(schema, where):
    text = schema["description"]
    check(isinstance(text, str) and text, where, "the description must be a text")
    check(text.isprintable(), where, "the description must be one line")
    check("*/" not in text and "/*" not in text, where, "the description must not end or start a comment of C")
    return text


def check_name(name, where, taken):
    check(re.fullmatch(r"[a-z][a-z0-9_]*", name), where, "the name must be of a-z, 0-9 and _, and start with a letter")
    check(name not in C_KEYWORDS, where, "the name is a keyword of C")
    check(name not in taken, where, "the name is taken")


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def bounds(schema, where, low, high, least, most):
    """Returns the values of keywords `low` and `high`, which must be in order and from least to most."""
    for keyword in (low, high):
        check(is_integer(schema[keyword]), where, f"{keyword!r} must be an integer")
        check(least <= schema[keyword] <= most, where, f"{keyword!r} must be from {least} to {most}")
    check(schema[low] <= schema[high], where, f"{low!r} is above {high!r}")
    return schema[low], schema[high]


def read_type(schema, where):
    """Returns the type, and whether null is allowed too."""
    check("type" in schema, where, "lacks 'type'")
    kind = schema["type"]
    nullable = isinstance(kind, list) and len(kind) == 2 and kind[1] == "null"
    if nullable:
        kind = kind[0]
    check(kind in ("string", "integer"), where, f"unknown type {schema['type']!r}")
    return kind, nullable


def read_integer(name, schema, nullable, where):
    check_keywords(schema, where, ("description", "type", "minimum", "maximum"))
    least, most = bounds(schema, where, "minimum", "maximum", INT64_MIN, INT64_MAX)
    kind = "FIELD_INT32" if least >= INT32_MIN and most <= INT32_MAX else "FIELD_INT64"
    return Field(name, check_description(schema, where), kind, nullable, least, most)


def read_instant(name, schema, nullable, where):
    check_keywords(schema, where, ("description", "type", "format"))
    check(schema["format"] == "date-time", where, f"unknown format {schema['format']!r}")
    return Field(name, check_description(schema, where), "FIELD_INSTANT", nullable)


def read_day(name, schema, nullable, where):
    check_keywords(schema, where, ("description", "type", "pattern"))
    return Field(name, check_description(schema, where), "FIELD_DAY", nullable)


def read_text(name, schema, nullable, where):
    check_keywords(schema, where, ("description", "type", "minLength", "maxLength", "pattern"))
    check(schema["pattern"] == NO_NUL, where, f"unknown pattern {schema['pattern']!r}")
    shortest, longest = bounds(schema, where, "minLength", "maxLength", 0, INT32_MAX)
    return Field(name, check_description(schema, where), "FIELD_TEXT", nullable, shortest, longest)


def read_choice(name, schema, nullable, where):
    """A text with an 'enum': its values are names, and null is one of them exactly if the type takes null."""
    check_keywords(schema, where, ("description", "type", "enum"))
    values = schema["enum"]
    check(isinstance(values, list) and values, where, "'enum' must be a list with elements")
    choices = tuple(value for value in values if value is not None)
    check((None in values) == nullable, where, "'enum' and 'type' must agree on null")
    check(choices and len(set(map(str, values))) == len(values), where, "'enum' must have different values")
    for choice in choices:
        is_name = isinstance(choice, str) and re.fullmatch(r"[a-z][a-z0-9_]*", choice)
        check(is_name, where, f"a value of 'enum' must be of a-z, 0-9 and _, and start with a letter, not {choice!r}")
    lengths = [len(choice) for choice in choices]
    description = check_description(schema, where)
    return Field(name, description, "FIELD_TEXT", nullable, min(lengths), max(lengths), choices=choices)


def read_field(name, schema, where):
    kind, nullable = read_type(schema, where)
    if kind == "integer":
        return read_integer(name, schema, nullable, where)
    if "enum" in schema:
        return read_choice(name, schema, nullable, where)
    if "format" in schema:
        return read_instant(name, schema, nullable, where)
    if schema.get("pattern") == DAY:
        return read_day(name, schema, nullable, where)
    return read_text(name, schema, nullable, where)


def read_properties(properties, where, role):
    """Returns the fields by name, and for each alias the reference to its field."""
    check(isinstance(properties, dict) and properties, where, "'properties' must be an object with members")
    fields, aliases = {}, {}
    traceparent = properties.get("traceparent")
    check(traceparent == TRACEPARENT[role], where, f"'traceparent' differs from that of every {role}")
    for name, schema in properties.items():
        if name == "traceparent":
            continue
        place = f"{where}: {name}"
        check_name(name, f"{where}: {name!r}", TAKEN_FIELD_NAMES)
        check(isinstance(schema, dict), place, "must be an object")
        if "$ref" in schema:
            check_keywords(schema, place, ("description", "$ref"))
            check_description(schema, place)
            aliases[name] = schema["$ref"]
        else:
            fields[name] = read_field(name, schema, place)
    return fields, aliases


def apply_aliases(fields, aliases, required, any_of, where):
    """An alias is a $ref to a field; an anyOf requires one of the two names."""
    check(len(aliases) <= 1, where, "more than one alias")
    check(bool(aliases) == (any_of is not None), where, "an alias and 'anyOf' come together or not at all")
    for alias, reference in aliases.items():
        place = f"{where}: {alias}"
        field = next((field for field in fields.values() if reference == f"#/properties/{field.name}"), None)
        check(field, place, f"'$ref' {reference!r} names no field of this message")
        check(field.kind == "FIELD_TEXT" and not field.nullable, place, "only a text that is not null has an alias")
        check(field.name not in required, place, f"'required' names {field.name!r}, which may come under its alias")
        expected = [{"required": [field.name]}, {"required": [alias]}]
        check(any_of == expected, place, f"'anyOf' must be {json.dumps(expected)}")
        field.alias = alias
        field.required = True


def apply_required(fields, aliases, required, where):
    check(isinstance(required, list), where, "'required' must be a list")
    for i, name in enumerate(required):
        known = isinstance(name, str) and (name in fields or name in aliases)
        check(known, where, f"'required' names {name!r}, which is no property")
        check(name not in aliases, where, f"'required' names the alias {name!r}")
        check(name not in required[:i], where, f"'required' names {name!r} twice")
        fields[name].required = True


def check_presence(field, where):
    """Null means absent, so a field may be null exactly if it may be absent."""
    place = f"{where}: {field.name}"
    check(not (field.required and field.nullable), place, "is required, so it must not be null")
    check(field.required or field.nullable, place, "is optional, so it must take null")
    optional_number = not field.required and field.kind in ("FIELD_INT32", "FIELD_INT64")
    takes_zero = field.min <= 0 <= field.max
    check(not (optional_number and takes_zero), place, "an optional integer must not be 0, which stands for absent")


def check_standard_fields(role, fields, where):
    for name, expected in STANDARD_FIELDS[role].items():
        place = f"{where}: {name}"
        check(name in fields, place, f"is missing; every {role} has it")
        check((fields[name].kind, fields[name].required) == expected, place, f"differs from that of every {role}")


def is_required_text(field):
    return field is not None and field.kind == "FIELD_TEXT" and field.required


def product_key(role, fields, where):
    for name, key in PRODUCT_KEYS.items():
        if is_required_text(fields.get(name)):
            return key
    raise Refused(f"{where}: a {role} names its product by a required text 'sku' or 'batchref'")


def order_key(fields, where):
    """An external event is about an order, and becomes commands about the order's lines."""
    check(is_required_text(fields.get("orderid")), where, "an external event names its order by a required text 'orderid'")
    check(not fields.keys() & PRODUCT_KEYS.keys(), where, "an external event names no product")
    return "KEY_ORDERID"


def is_about_a_message(role, fields):
    """Whether the event is about a message that was not handled: it names that message, and no product."""
    return role == "event" and is_required_text(fields.get("message")) and not fields.keys() & PRODUCT_KEYS.keys()


def read_location(template, fields, where):
    """Returns the path and the field of a URI template."""
    parts = HTTP_LOCATION.fullmatch(str(template))
    check(parts, where, f"'location' must be like '/orders/{{orderid}}', not {template!r}")
    check(is_required_text(fields.get(parts[2])), where, f"'location' names {parts[2]!r}, which is no required text")
    return parts.groups()


def read_endpoint(role, schema, fields, where):
    """Every command can be sent over HTTP; events cannot."""
    place = f"{where}: x-allocd"
    if role == "event":
        if "x-allocd" in schema:
            check_keywords(schema["x-allocd"], place, ("replaced_by",))
        return None
    check("x-allocd" in schema, where, "a command has 'x-allocd'")
    check_keywords(schema["x-allocd"], place, ("http",), ("replaced_by",))
    http = schema["x-allocd"]["http"]
    check_keywords(http, place, ("path", "status"), ("location",))
    check(HTTP_PATH.fullmatch(str(http["path"])), place, f"'path' must be like '/allocate', not {http['path']!r}")
    check(is_integer(http["status"]), place, "'status' must be an integer")
    check(http["status"] in HTTP_STATUSES, place, f"'status' must be one of {HTTP_STATUSES}")
    location = read_location(http["location"], fields, place) if "location" in http else (None, None)
    return Endpoint(http["path"], http["status"], *location)


def read_successor(schema, where):
    """The name of the message that replaces this one, which still works: docs/decisions/replaced-names.md."""
    place = f"{where}: x-allocd: replaced_by"
    if "replaced_by" not in schema.get("x-allocd", {}):
        return None
    successor = schema["x-allocd"]["replaced_by"]
    check_keywords(successor, place, ("name", "since"))
    check(SINCE.fullmatch(str(successor["since"])), place, f"'since' must be a minor version like '0.2', not {successor['since']!r}")
    return successor["name"]


def read_message(path):
    where = path.name
    schema = read_schema(path)
    required = ("$schema", "$id", "title", "description", "type", "properties", "required")
    check_keywords(schema, where, required, ("anyOf", "x-allocd"))
    check(schema["$schema"] == DRAFT, where, f"'$schema' must be {DRAFT!r}")
    check(schema["type"] == "object", where, "'type' must be 'object'")
    identity = re.fullmatch(r"urn:allocd:(command|event|external-event):(.*)", str(schema["$id"]))
    check(identity, where, "'$id' must be 'urn:allocd:ROLE:NAME', where ROLE is command, event or external-event")
    kind, name = identity.groups()
    role = "event" if kind == "event" else "command"
    check(name == schema["title"] == path.stem, where, "the names in '$id', 'title' and of the file differ")
    check(path.suffix == ".json", where, "the file must be called NAME.json")
    check_name(name, where, TAKEN_MESSAGE_NAMES)

    fields, aliases = read_properties(schema["properties"], where, role)
    apply_required(fields, aliases, schema["required"], where)
    apply_aliases(fields, aliases, schema["required"], schema.get("anyOf"), where)
    for field in fields.values():
        check_presence(field, where)
    if is_about_a_message(role, fields):
        check_standard_fields("event about a message", fields, where)
        key = "KEY_MESSAGE"
    else:
        check_standard_fields(role, fields, where)
        key = order_key(fields, where) if kind == "external-event" else product_key(role, fields, where)
    endpoint = read_endpoint(role, schema, fields, where)
    successor = read_successor(schema, where)
    return Message(name, role, check_description(schema, where), list(fields.values()), key, endpoint, successor)


# HTTP answers these itself: src/entrypoints/http/http_api.c.
PROBES = ("/livez", "/readyz", "/metrics")


def check_paths(messages):
    paths = [message.endpoint.path for message in messages if message.endpoint]
    for i, path in enumerate(paths):
        check(path not in paths[:i], "x-allocd", f"'path' {path!r} is that of two commands")
        check(path not in PROBES, "x-allocd", f"'path' {path!r} is that of a probe")


def check_successors(messages):
    """A command is replaced by a command. An event is replaced by one that is about the same, so that both have one identity."""
    current = {message.name: message for message in messages if not message.replaced_by}
    for message in messages:
        if message.replaced_by is None:
            continue
        place = f"{message.name}.json: x-allocd: replaced_by"
        successor = current.get(message.replaced_by)
        known = successor is not None and successor.role == message.role
        check(known, place, f"'name' must be that of {ARTICLE[message.role]} that is not replaced itself, not {message.replaced_by!r}")
        differs = message.role == "event" and successor.key != message.key
        check(not differs, place, f"{message.replaced_by!r} must be about {SUBJECT[message.key]}, as this event is")


def read_messages(paths):
    """Commands first, each group by name."""
    messages = sorted(map(read_message, paths), key=lambda message: (message.role, message.name))
    check_paths(messages)
    check_successors(messages)
    return messages
