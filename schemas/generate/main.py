#!/usr/bin/python3
"""Turns the JSON Schemas of the messages into C.

    main.py messages.h messages.c command_endpoints.c SCHEMA.json...
"""

import pathlib
import sys

import emit_c
import read_schema


def main(header_path, source_path, endpoints_path, *schema_paths):
    try:
        messages = read_schema.read_messages(map(pathlib.Path, schema_paths))
    except read_schema.Refused as refusal:
        return f"schemas: {refusal}"
    pathlib.Path(header_path).write_text(emit_c.header(messages), encoding="utf-8")
    pathlib.Path(source_path).write_text(emit_c.source(messages), encoding="utf-8")
    pathlib.Path(endpoints_path).write_text(emit_c.endpoints(messages), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
