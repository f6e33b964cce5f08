#!/usr/bin/python3
"""Writes commands.js from the schemas: commands.py SCHEMA...

It has the commands that the page offers to send, and the names of the events that go out.
"""

import json
import pathlib
import sys


def field(name, schema, required):
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return {"name": name, "type": types[0], "required": name in required, "description": schema.get("description", "")}


def command(schema):
    """Fields without a type of their own are aliases, which the form does not show."""
    required = {*schema.get("required", []), *schema.get("anyOf", [{}])[0].get("required", [])}
    fields = [field(name, one, required) for name, one in schema["properties"].items() if "type" in one]
    return {"name": schema["title"], "description": schema["description"], "fields": fields}


schemas = [json.loads(pathlib.Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:]]
commands = [command(schema) for schema in schemas if "http" in schema.get("x-allocd", {})]
events = [schema["title"] for schema in schemas if schema["$id"].startswith("urn:allocd:event:")]
print("// Generated from the schemas by commands.py.")
print(f"export const COMMANDS = {json.dumps(commands, indent=1)};")
print(f"export const EVENTS = {json.dumps(events)};")
