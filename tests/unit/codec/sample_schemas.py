"""Schemas for the tests of the generator: of any message, and with changes."""

import read_schema
from changed_json import with_change

NO_NUL = r"^[^\u0000]*$"


def text(**changes):
    return {
        "description": "A text.",
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": NO_NUL,
        **changes,
    }


def choice(*values):
    return {"description": "One of some texts.", "type": "string", "enum": list(values)}


def integer(**changes):
    return {"description": "A number.", "type": "integer", "minimum": 0, "maximum": 9, **changes}


def optional(schema):
    return {**schema, "type": [schema["type"], "null"]}


def schema(role="command", name="pack", **properties):
    """A schema that is accepted, with more properties besides those that every message has."""
    instant = {"description": "When.", "type": "string", "format": "date-time"}
    standard = {
        "command": {"sku": text(), "id": optional(text()), "occurred_at": optional(instant)},
        "event": {
            "sku": text(),
            "version": integer(maximum=2**63 - 1),
            "occurred_at": instant,
            "cause": optional(text()),
            "epoch": optional(integer(minimum=1, maximum=2**63 - 1)),
        },
    }[role]
    fields = {**standard, "traceparent": read_schema.TRACEPARENT[role], **properties}
    endpoint = {"x-allocd": {"http": {"path": f"/{name}", "status": 202}}}
    return {
        **(endpoint if role == "command" else {}),
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:allocd:{role}:{name}",
        "title": name,
        "description": "A message.",
        "type": "object",
        "properties": fields,
        "required": [field for field, rules in fields.items() if isinstance(rules.get("type"), str)],
    }


def changed(path, value, base=None):
    """The schema with the member at `path` ("properties/qty/minimum") set, or removed by None."""
    return with_change(base or schema(ref=text(), qty=integer()), path.split("/"), value)


def endpoint(**changes):
    """The schema of a command with other members in its 'http'; None removes one."""
    http = {"path": "/pack", "status": 202, **changes}
    return changed("x-allocd/http", {name: value for name, value in http.items() if value is not None}, schema())


def replaced(name="pack", successor="put", since="0.2"):
    """The schema of a command that another one replaces."""
    base = schema(name=name)
    return changed("x-allocd", {**base["x-allocd"], "replaced_by": {"name": successor, "since": since}}, base)


def replaced_event(name="box", successor="crate", since="0.2"):
    """The schema of an event that another one replaces."""
    return {**schema("event", name), "x-allocd": {"replaced_by": {"name": successor, "since": since}}}


def about_a_message(name):
    """The schema of an event about a message that was not handled."""
    result = schema("event", name, id=optional(text()), message=text(), at={"description": "When.", "type": "string", "format": "date-time"})
    for field in ("sku", "version", "occurred_at", "cause", "epoch"):
        del result["properties"][field]
    return {**result, "required": ["message", "at"]}


def keyed_by(name):
    """The schema of a command that has `name` in place of a SKU."""
    result = schema(**{name: text()})
    del result["properties"]["sku"]
    return {**result, "required": [name]}


def external_event(**properties):
    """The schema of an external event about an order."""
    result = schema(name="gone", orderid=text(), **properties)
    if "sku" not in properties:
        del result["properties"]["sku"]
    return {**result, "$id": "urn:allocd:external-event:gone", "required": ["orderid"]}


def with_alias(**changes):
    either = [{"required": ["ref"]}, {"required": ["nick"]}]
    result = schema(ref=text(), nick={"description": "Another name.", "$ref": "#/properties/ref"})
    return {**result, "required": ["sku"], "anyOf": either, **changes}
