"""The schema of a message as a part of a specification."""

import json


def role_of(schema):
    """"command", "event" or "external-event"."""
    return schema["$id"].split(":")[2]


def goes_out(schema):
    return role_of(schema) == "event"


def successor(schema):
    """{"name", "since"} of the message that replaces this one, or None."""
    return schema.get("x-allocd", {}).get("replaced_by")


def of(schema):
    """
    The schema without what concerns the file, and with each alias written out, because a `$ref` beside other
    keywords means nothing in draft-07.  Every other keyword of the schemas means the same there as in 2020-12.
    """
    schema = json.loads(json.dumps(schema))
    if replaced_by := successor(schema):
        schema["deprecated"] = True
        schema["x-allocd-replaced-by"] = replaced_by
    for name in ("$schema", "$id", "x-allocd"):
        schema.pop(name, None)
    fields = schema["properties"]
    for name, field in fields.items():
        if "$ref" in field:
            fields[name] = {**fields[field["$ref"].rsplit("/", 1)[1]], "description": field["description"]}
    return schema
