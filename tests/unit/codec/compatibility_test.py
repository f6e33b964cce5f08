#!/usr/bin/python3
"""Tests of scripts/schema_compatibility.py: each change that breaks publishers or consumers, and those that do not.

    compatibility_test.py SCHEMA_COMPATIBILITY
"""

import importlib.util
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from changed_json import with_change  # noqa: E402

spec = importlib.util.spec_from_file_location("schema_compatibility", sys.argv.pop(1))
compatibility = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compatibility)

TEXT = {"description": "A text.", "type": "string", "minLength": 1, "maxLength": 9, "pattern": "^[a-z]*$"}


def message(role):
    return {
        "$id": f"urn:allocd:{role}:pack",
        "properties": {
            "sku": TEXT,
            "qty": {"description": "How many.", "type": "integer", "minimum": 0, "maximum": 100},
            "why": {"description": "Why.", "type": ["string", "null"], "enum": ["lost", "sold", None]},
            "at": {"description": "When.", "type": ["string", "null"]},
            "ref": {"description": "Another name of sku.", "$ref": "#/properties/sku"},
        },
        "required": ["sku", "qty"],
        **({"x-allocd": {"http": {"path": "/pack", "status": 202}}} if role == "command" else {}),
    }


def changed(role, path, value):
    """`value`: None removes what is at the path."""
    return with_change(message(role), path.split("/"), value)


def replaced(role, since="0.7", name="put"):
    schema = message(role)
    schema.setdefault("x-allocd", {})["replaced_by"] = {"name": name, "since": since}
    return schema


VERSION = (0, 2)


def broken(released, schemas, version=VERSION):
    return list(compatibility.broken(released, schemas, version))


NEW = {"type": ["string", "null"], "description": "New."}

BREAKS = [
    # (role, the place of the change, its value, what is said after the name of the message)
    ("command", "properties/qty", None, "qty: was removed: what publishers send in it has no effect"),
    ("event", "properties/qty", None, "qty: was removed: consumers read it"),
    ("command", "properties/why/type", "string", 'why: type was ["string", "null"] and is "string": commands that were valid are refused'),
    ("command", "properties/qty/type", "string", 'qty: type was "integer" and is "string": commands that were valid are refused'),
    ("event", "properties/qty/type", ["integer", "null"], 'qty: type was "integer" and is ["integer", "null"]: consumers rely on events'),
    ("command", "properties/qty/maximum", 99, "qty: maximum was 100 and is 99: commands that were valid are refused"),
    ("command", "properties/qty/minimum", 1, "qty: minimum was 0 and is 1: commands that were valid are refused"),
    ("command", "properties/sku/maxLength", 8, "sku: maxLength was 9 and is 8: commands that were valid are refused"),
    ("command", "properties/sku/minLength", 2, "sku: minLength was 1 and is 2: commands that were valid are refused"),
    ("event", "properties/qty/maximum", 99, "qty: maximum was 100 and is 99: consumers rely on events as they were"),
    ("event", "properties/qty/maximum", 101, "qty: maximum was 100 and is 101: consumers rely on events as they were"),
    ("event", "properties/sku/pattern", None, 'sku: pattern was removed: "^[a-z]*$": consumers rely on events as they were'),
    ("command", "properties/sku/pattern", "^[a-y]*$", 'sku: pattern was "^[a-z]*$" and is "^[a-y]*$": commands that were valid are refused'),
    ("command", "properties/at/format", "date-time", 'at: format was added: "date-time": commands that were valid are refused'),
    ("command", "properties/ref/$ref", "#/properties/at", 'ref: $ref was "#/properties/sku" and is "#/properties/at"'),
    ("command", "properties/why/enum", ["sold", None], 'why: the value "lost" was removed: commands that were valid are refused'),
    ("event", "properties/why/enum", ["lost", "sold", "broken", None], 'why: the value "broken" was added: consumers rely on events'),
    ("command", "required", ["sku", "qty", "why"], "why: is required now: commands without it are refused"),
    ("event", "required", ["sku", "qty", "why"], "why: is required now: events of before lack it"),
    ("event", "required", ["sku"], "qty: is not required any more: consumers rely on it"),
    ("command", "anyOf", [{"required": ["ref"]}], 'anyOf was null and is [{"required": ["ref"]}]: commands that were valid are refused'),
    ("command", "x-allocd/http/path", "/put", 'http was {"path": "/pack", "status": 202} and is {"path": "/put"'),
    ("command", "x-allocd", None, 'and is null: clients rely on it'),
    ("command", "$id", "urn:allocd:event:pack", "its role is another one"),
]

KEEPS = [
    (role, path, value)
    for role in ("command", "event")
    for path, value in (("properties/new", NEW), ("properties/qty/description", "In other words."))
] + [
    ("command", "properties/qty/maximum", 101),
    ("command", "properties/qty/minimum", -1),
    ("command", "properties/sku/pattern", None),
    ("command", "properties/qty/type", ["integer", "null"]),
    ("command", "properties/why/enum", ["lost", "sold", "broken", None]),
    ("command", "required", ["sku"]),
]


class Compatibility(unittest.TestCase):
    def said(self, role, path, value):
        return broken({"pack": message(role)}, {"pack": changed(role, path, value)})

    def test_a_change_that_breaks_is_named_with_its_message_and_field(self):
        for role, path, value, expected in BREAKS:
            with self.subTest(role=role, path=path, value=value):
                said = self.said(role, path, value)
                self.assertTrue(said and all(each.startswith("pack: ") for each in said), said)
                self.assertIn(expected, said[0])

    def test_a_change_that_breaks_nothing_is_allowed(self):
        for role, path, value in KEEPS:
            with self.subTest(role=role, path=path, value=value):
                self.assertEqual(self.said(role, path, value), [])

    def test_an_alternative_that_is_removed_breaks_and_one_that_is_added_does_not(self):
        either = {**message("command"), "anyOf": [{"required": ["sku"]}, {"required": ["ref"]}]}
        more = {**either, "anyOf": [*either["anyOf"], {"required": ["at"]}]}
        self.assertEqual(broken({"pack": either}, {"pack": more}), [])
        self.assertIn("anyOf was [", *broken({"pack": more}, {"pack": either}))

    def test_a_message_that_is_removed_breaks_and_a_new_one_does_not(self):
        pack = {"pack": message("command")}
        self.assertEqual(broken({}, pack), [])
        self.assertEqual(broken(pack, {}), ["pack: the message was removed; publishers and consumers use its name"])

    def test_a_message_that_was_replaced_may_be_removed_after_two_more_minor_versions(self):
        for role in ("command", "event"):
            pack = {"pack": replaced(role)}
            for version, is_allowed in (
                ((0, 7), False), ((0, 8), False), ((0, 9), False), ((0, 10), True), ((1, 0), False), ((1, 1), False), ((1, 2), True),
            ):  # fmt: skip
                with self.subTest(role=role, version=version):
                    said = broken(pack, {}, version)
                    self.assertEqual(said == [], is_allowed, said)
            self.assertIn("version 0.10 is the first that may, because 0.7 replaced it", *broken(pack, {}, (0, 9)))

    def test_a_message_may_get_a_successor(self):
        for role in ("command", "event"):
            self.assertEqual(broken({"pack": message(role)}, {"pack": replaced(role)}), [])

    def test_a_message_that_was_replaced_stays_so_since_the_same_version(self):
        for role in ("command", "event"):
            old = {"pack": replaced(role)}
            said = "pack: it was replaced since 0.7, and since {}: the two versions count from the first one"
            self.assertEqual(broken(old, {"pack": replaced(role, "0.8")}), [said.format("0.8")])
            self.assertEqual(broken(old, {"pack": replaced(role, "0.6")}), [said.format("0.6")])
            self.assertEqual(broken(old, {"pack": replaced(role, name="store")}), [])  # "put" was replaced itself
            self.assertEqual(broken(old, {"pack": message(role)}), [])  # the old name stays

    def test_every_change_is_named(self):
        schema = changed("event", "required", ["sku"])
        schema["properties"]["qty"]["maximum"] = 5
        del schema["properties"]["at"]
        said = broken({"pack": message("event")}, {"pack": schema})
        self.assertEqual([each.split(": ")[1] for each in said], ["qty", "at", "qty"])

    def test_the_schemas_of_the_project_break_nothing_of_the_last_release(self):
        self.assertTrue(compatibility.read(compatibility.RELEASED))
        self.assertEqual(compatibility.main(), 0)


if __name__ == "__main__":
    unittest.main()
