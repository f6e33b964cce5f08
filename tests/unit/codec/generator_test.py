#!/usr/bin/python3
"""Tests of schemas/generate: the code generated from a schema, and every schema that is refused.

generator_test.py GENERATOR SCHEMAS COMPILER...
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

GENERATOR = pathlib.Path(sys.argv[1])
SCHEMA_FOLDER = pathlib.Path(sys.argv[2])
COMPILER = sys.argv[3:]
SOURCE_FOLDER = SCHEMA_FOLDER.resolve().parent / "src"

sys.dont_write_bytecode = True
sys.path[:0] = [str(GENERATOR.parent), str(pathlib.Path(__file__).parents[2] / "support")]
import main  # noqa: E402  the generator's
from sample_schemas import (  # noqa: E402
    about_a_message, changed, choice, endpoint, external_event, integer, keyed_by, optional, replaced, replaced_event, schema, text, with_alias,
)  # fmt: skip


class Generated(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def generate(self, files):
        """Runs the generator on {file name: schema, or bytes}; returns exit code and what it reports."""
        for name, content in files.items():
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            (self.folder / name).write_bytes(raw)
        self.header, self.source = self.folder / "messages.h", self.folder / "messages.c"
        self.endpoints = self.folder / "command_endpoints.c"
        paths = [self.folder / name for name in files]
        result = main.main(self.header, self.source, self.endpoints, *paths)
        return (1, f"{result}\n") if result else (0, "")

    def compile(self, *sources):
        """Runs gcc and clang without producing code; returns exit code and standard error."""
        flags = ["-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only"]
        includes = [f"-I{SOURCE_FOLDER}", f"-I{self.folder}"]
        run = subprocess.run([*COMPILER, *flags, *includes, *sources], capture_output=True, text=True, check=False)
        return run.returncode, run.stderr

    def assert_accepted(self, files):
        self.assertEqual(self.generate(files), (0, ""))
        return self.header.read_text(), self.source.read_text()


class GeneratedCode(Generated):
    def entry(self, source, name):
        """The members of the field's descriptor."""
        table = source[source.index(f'.name = "{name}"') :]
        return [line.strip().rstrip(",") for line in table[: table.index("\t},")].splitlines()]

    def test_commands_come_first_each_group_by_name(self):
        header, _source = self.assert_accepted(
            {
                "zip.json": schema(name="zip"),
                "box.json": schema("event", "box"),
                "pack.json": schema(),
                "arc.json": schema("event", "arc"),
            }
        )
        order = ["MSG_NONE", "MSG_PACK", "MSG_ZIP", "MSG_ARC", "MSG_BOX", "MSG_TYPES"]
        places = [header.index(f"\t{constant},") for constant in order]
        self.assertEqual(places, sorted(places))

    def test_the_id_of_a_schema_decides_the_role(self):
        _header, source = self.assert_accepted({"pack.json": schema(), "box.json": schema("event", "box")})
        self.assertIn('.name = "pack",\n\t\t.role = ROLE_COMMAND', source)
        self.assertIn('.name = "box",\n\t\t.role = ROLE_EVENT', source)

    def test_a_text_becomes_a_pointer_with_its_bounds(self):
        header, source = self.assert_accepted({"pack.json": schema(ref=text(maxLength=7))})
        self.assertIn("\tconst char *ref;", header)
        expected = ['.name = "ref"', ".kind = FIELD_TEXT", ".required = true", ".offset = offsetof(struct pack, ref)"]
        self.assertEqual(self.entry(source, "ref"), [*expected, ".min = INT64_C(1)", ".max = INT64_C(7)"])

    def test_a_text_with_an_enum_has_its_choices_and_a_constant_for_each(self):
        header, source = self.assert_accepted({"pack.json": schema(why=optional(choice("shrunk", "gone", None)))})
        self.assertIn('#define PACK_WHY_SHRUNK "shrunk"\n#define PACK_WHY_GONE "gone"\n', header)
        self.assertIn("pack_why_choices[] = {PACK_WHY_SHRUNK, PACK_WHY_GONE, NULL};", source)
        members = self.entry(source, "why")
        for member in (".kind = FIELD_TEXT", ".min = INT64_C(4)", ".max = INT64_C(6)", ".choices = pack_why_choices"):
            self.assertIn(member, members)

    def test_an_optional_text_takes_null(self):
        _header, source = self.assert_accepted({"pack.json": schema(ref=optional(text()))})
        self.assertIn(".nullable = true", self.entry(source, "ref"))
        self.assertNotIn(".required = true", self.entry(source, "ref"))

    def test_the_bounds_of_an_integer_decide_its_width(self):
        for bounds, kind, c_type in (
            ({"minimum": -(2**31), "maximum": 2**31 - 1}, "FIELD_INT32", "int32_t"),
            ({"maximum": 2**31}, "FIELD_INT64", "int64_t"),
            ({"minimum": -(2**31) - 1}, "FIELD_INT64", "int64_t"),
            ({"minimum": -(2**63), "maximum": 2**63 - 1}, "FIELD_INT64", "int64_t"),
        ):
            header, source = self.assert_accepted({"pack.json": schema(qty=integer(**bounds))})
            self.assertIn(f"\t{c_type} qty;", header)
            self.assertIn(f".kind = {kind}", self.entry(source, "qty"))

    def test_an_instant_becomes_a_64_bit_integer(self):
        header, source = self.assert_accepted({"pack.json": schema()})
        self.assertIn("\tint64_t occurred_at;", header)
        self.assertIn(".kind = FIELD_INSTANT", self.entry(source, "occurred_at"))

    def test_a_day_is_recognised_by_its_pattern(self):
        day = json.loads((SCHEMA_FOLDER / "create_batch.json").read_text())["properties"]["eta"]
        header, source = self.assert_accepted({"pack.json": schema(eta=day)})
        self.assertIn("\tint32_t eta;", header)
        self.assertIn(".kind = FIELD_DAY", self.entry(source, "eta"))

    def test_an_alias_is_no_member_and_its_field_is_required(self):
        header, source = self.assert_accepted({"pack.json": with_alias()})
        self.assertNotIn("nick", header)
        self.assertIn('.alias = "nick"', self.entry(source, "ref"))
        self.assertIn(".required = true", self.entry(source, "ref"))

    def test_a_message_is_keyed_by_its_sku_or_else_by_its_batch(self):
        both = schema(sku=text(), batchref=text())
        for content, key in ((schema(), "KEY_SKU"), (both, "KEY_SKU"), (keyed_by("batchref"), "KEY_BATCHREF")):
            _header, source = self.assert_accepted({"pack.json": content})
            self.assertIn(f".key = {key},", source)

    def test_an_external_event_is_listed_as_a_command_and_is_keyed_by_its_order(self):
        content = external_event()
        header, source = self.assert_accepted({"gone.json": content})
        self.assertIn("#define FOR_EACH_COMMAND(X) \\\n\tX(MSG_GONE, gone)\n", header)
        self.assertIn(".key = KEY_ORDERID,", source)

    def test_messages_are_listed_by_role(self):
        header, source = self.assert_accepted(
            {"pack.json": schema(), "zip.json": schema(name="zip"), "box.json": schema("event", "box")}
        )
        self.assertIn("COMMAND_TYPES = 2, EVENT_TYPES = 1", header)
        self.assertIn("#define FOR_EACH_COMMAND(X) \\\n\tX(MSG_PACK, pack) \\\n\tX(MSG_ZIP, zip)\n", header)
        self.assertIn("#define FOR_EACH_EVENT(X) \\\n\tX(MSG_BOX, box)\n", header)
        self.assertIn("command_types[COMMAND_TYPES] = {\n\tMSG_PACK,\n\tMSG_ZIP,\n};", source)
        self.assertIn("event_types[EVENT_TYPES] = {\n\tMSG_BOX,\n};", source)

    def test_a_command_has_an_endpoint_and_an_event_has_none(self):
        located = endpoint(path="/put", status=201, location="/parcels/of/{sku}")
        self.assert_accepted({"pack.json": located, "zip.json": schema(name="zip"), "box.json": schema("event", "box")})
        endpoints = self.endpoints.read_text()
        self.assertIn(
            '[MSG_PACK] = {.path = "/put", .status = 201, .location_path = "/parcels/of/", .location_field = "sku"},',
            endpoints,
        )
        self.assertIn('[MSG_ZIP] = {.path = "/zip", .status = 202},', endpoints)
        self.assertNotIn("MSG_BOX", endpoints)

    def test_generated_code_compiles_without_a_warning(self):
        fields = {"qty": integer(minimum=-(2**63), maximum=2**63 - 1), "size": integer()}
        self.assert_accepted({"pack.json": schema(**fields), "box.json": schema("event", "box")})
        self.assertEqual(self.compile(self.source, self.endpoints), (0, ""))

    def test_every_schema_of_the_folder_is_built(self):
        build = (SCHEMA_FOLDER / "meson.build").read_text()
        for path in SCHEMA_FOLDER.glob("*.json"):
            self.assertIn(f"'{path.stem}'", build)


class MessageWithoutHandler(Generated):
    """The program's own schemas and one more, of which src/ knows nothing."""

    def compile_with(self, source, **more):
        own = {path.name: path.read_bytes() for path in SCHEMA_FOLDER.glob("*.json")}
        self.assert_accepted({**own, **{f"{name}.json": content for name, content in more.items()}})
        return self.compile(SOURCE_FOLDER / source)

    def compile_message_bus(self, **more):
        return self.compile_with("bus/messages/message_bus.c", **more)

    def test_the_bus_compiles_with_the_schemas_as_they_are(self):
        self.assertEqual(self.compile_message_bus(), (0, ""))

    def test_a_command_that_is_replaced_needs_a_route_as_any_other(self):
        status, errors = self.compile_message_bus(pack=replaced(successor="allocate"))
        self.assertNotEqual(status, 0)
        self.assertIn("pack_route", errors)

    def test_a_command_without_a_route_does_not_compile(self):
        status, errors = self.compile_message_bus(pack=schema())
        self.assertNotEqual(status, 0)
        self.assertIn("pack_route", errors)

    def test_an_event_without_handlers_does_not_compile(self):
        status, errors = self.compile_message_bus(box=schema("event", "box"))
        self.assertNotEqual(status, 0)
        self.assertIn("on_box", errors)

    def test_an_event_that_is_replaced_needs_no_handlers_but_how_it_is_made(self):
        box = replaced_event(successor="out_of_stock")
        self.assertEqual(self.compile_message_bus(box=box), (0, ""))
        status, errors = self.compile_with("bus/publishing/predecessors.c", box=box)
        self.assertNotEqual(status, 0)
        self.assertIn("as_box", errors)


REFUSED = [
    # (what is wrong, the schema, what the generator says after "schemas: pack.json: ")
    ("not JSON", b"{", "not JSON in UTF-8"),
    ("not UTF-8", b'{"title": "\xff"}', "not JSON in UTF-8"),
    ("NaN", json.dumps(changed("properties/qty/minimum", float("nan"))).encode(), "NaN is not JSON"),
    ("a key twice", b'{"title": "pack", "title": "pack"}', "key 'title' comes twice"),
    (
        "a key twice, deep",
        json.dumps(schema(qty=integer())).replace('"minimum": 0', '"minimum": 0, "minimum": 0').encode(),
        "key 'minimum' comes twice",
    ),
    ("no object", [], "must be an object"),
    ("another traceparent", changed("properties/traceparent/pattern", "^00"), "'traceparent' differs"),
    ("no traceparent", changed("properties/traceparent", None), "'traceparent' differs"),
    ("an unknown keyword", changed("additionalProperties", False), "unknown keyword 'additionalProperties'"),
    ("unevaluatedProperties", changed("unevaluatedProperties", True), "unknown keyword 'unevaluatedProperties'"),
    ("$defs", changed("$defs", {}), "unknown keyword '$defs'"),
    ("allOf", changed("allOf", []), "unknown keyword 'allOf'"),
    ("minProperties", changed("minProperties", 1), "unknown keyword 'minProperties'"),
    ("no $schema", changed("$schema", None), "lacks '$schema'"),
    ("another draft", changed("$schema", "http://json-schema.org/draft-07/schema#"), "'$schema' must be"),
    ("no $id", changed("$id", None), "lacks '$id'"),
    ("an $id of no role", changed("$id", "urn:allocd:query:pack"), "'$id' must be"),
    ("an $id that is no text", changed("$id", 5), "'$id' must be"),
    ("an $id with another name", changed("$id", "urn:allocd:command:box"), "the names in '$id'"),
    ("a title with another name", changed("title", "box"), "the names in '$id'"),
    ("no title", changed("title", None), "lacks 'title'"),
    ("no description", changed("description", None), "lacks 'description'"),
    ("a description that is no text", changed("description", 5), "the description must be a text"),
    ("an empty description", changed("description", ""), "the description must be a text"),
    ("a description of two lines", changed("description", "a\nb"), "the description must be one line"),
    ("a description that ends a comment", changed("description", "a */ b"), "the description must not end"),
    ("a description that starts a comment", changed("description", "a /* b"), "the description must not end"),
    ("no type", changed("type", None), "lacks 'type'"),
    ("not of objects", changed("type", "array"), "'type' must be 'object'"),
    ("no properties", changed("properties", None), "lacks 'properties'"),
    ("empty properties", changed("properties", {}), "'properties' must be"),
    ("properties in a list", changed("properties", []), "'properties' must be"),
    ("no required", changed("required", None), "lacks 'required'"),
    ("required is no list", changed("required", "qty"), "'required' must be a list"),
    ("required names no property", changed("required", ["sku", "ref", "qty", "size"]), "'required' names 'size'"),
    ("required names no text", changed("required", ["sku", ["ref"]]), "'required' names ['ref'], which is no property"),
    ("required names one twice", changed("required", ["sku", "ref", "qty", "qty"]), "'required' names 'qty' twice"),
    # properties
    ("a property that is no object", changed("properties/qty", True), "qty: must be an object"),
    ("a property without type", changed("properties/qty/type", None), "qty: lacks 'type'"),
    ("a property of an unknown type", changed("properties/qty/type", "number"), "qty: unknown type 'number'"),
    ("a boolean", changed("properties/qty/type", "boolean"), "qty: unknown type 'boolean'"),
    ("two types", changed("properties/qty/type", ["integer", "string"]), "qty: unknown type"),
    ("null first", changed("properties/qty/type", ["null", "integer"]), "qty: unknown type"),
    ("three types", changed("properties/qty/type", ["integer", "null", "null"]), "qty: unknown type"),
    ("an integer without minimum", changed("properties/qty/minimum", None), "qty: lacks 'minimum'"),
    ("an integer without maximum", changed("properties/qty/maximum", None), "qty: lacks 'maximum'"),
    ("a bound with a fraction", changed("properties/qty/minimum", 0.0), "qty: 'minimum' must be an integer"),
    ("a bound that is true", changed("properties/qty/maximum", True), "qty: 'maximum' must be an integer"),
    ("a bound in quotes", changed("properties/qty/maximum", "9"), "qty: 'maximum' must be an integer"),
    ("a bound beyond 64 bits", changed("properties/qty/maximum", 2**63), "qty: 'maximum' must be from"),
    ("bounds that exclude all", changed("properties/qty/minimum", 10), "qty: 'minimum' is above 'maximum'"),
    (
        "an exclusive bound",
        changed("properties/qty/exclusiveMinimum", 0),
        "qty: unknown keyword 'exclusiveMinimum'",
    ),
    ("multipleOf", changed("properties/qty/multipleOf", 2), "qty: unknown keyword 'multipleOf'"),
    ("a default", changed("properties/qty/default", 2), "qty: unknown keyword 'default'"),
    ("an enum with bounds", changed("properties/ref/enum", ["a"]), "ref: unknown keyword 'minLength'"),
    ("an empty enum", schema(ref=choice()), "ref: 'enum' must be a list with elements"),
    ("an enum that is no list", schema(ref={**choice("a"), "enum": "a"}), "ref: 'enum' must be a list with elements"),
    ("an enum of only null", schema(ref=optional(choice(None))), "ref: 'enum' must have different values"),
    ("an enum with a value twice", schema(ref=choice("a", "a")), "ref: 'enum' must have different values"),
    ("an enum with a number", schema(ref=choice("a", 5)), "not 5"),
    ("an enum with a text that is no name", schema(ref=choice("A b")), "not 'A b'"),
    ("an enum without the null of its type", schema(ref=optional(choice("a"))), "must agree on null"),
    ("an enum with null and a type without", schema(ref=choice("a", None)), "must agree on null"),
    ("a text without minLength", changed("properties/ref/minLength", None), "ref: lacks 'minLength'"),
    ("a text without maxLength", changed("properties/ref/maxLength", None), "ref: lacks 'maxLength'"),
    ("a text without pattern", changed("properties/ref/pattern", None), "ref: lacks 'pattern'"),
    ("a text without description", changed("properties/ref/description", None), "ref: lacks 'description'"),
    ("an unknown pattern", changed("properties/ref/pattern", "^[a-z]*$"), "ref: unknown pattern '^[a-z]*$'"),
    ("a negative length", changed("properties/ref/minLength", -1), "ref: 'minLength' must be from 0"),
    ("a length beyond 31 bits", changed("properties/ref/maxLength", 2**31), "ref: 'maxLength' must be from 0"),
    ("lengths that exclude all", changed("properties/ref/minLength", 256), "ref: 'minLength' is above 'maxLength'"),
    (
        "an unknown format",
        schema(day={"description": "A day.", "type": "string", "format": "date"}),
        "day: unknown format 'date'",
    ),
    (
        "a format and more",
        changed("properties/occurred_at/maxLength", 40),
        "occurred_at: unknown keyword 'maxLength'",
    ),
    # what may be absent
    ("required and null", changed("properties/qty/type", ["integer", "null"]), "qty: is required, so it must not"),
    ("optional and not null", changed("required", ["sku", "qty"]), "ref: is optional, so it must take null"),
    ("an optional integer that may be 0", schema(qty=optional(integer())), "qty: an optional integer must not be 0"),
    # names
    ("a field with a capital", schema(Qty=integer()), "'Qty': the name must be"),
    ("a field with a hyphen", schema(**{"order-id": text()}), "'order-id': the name must be"),
    ("a field that starts with a digit", schema(**{"2nd": text()}), "'2nd': the name must be"),
    ("a field without a name", schema(**{"": text()}), "'': the name must be"),
    ("a field with a line after it", schema(**{"ref\n": text()}), "'ref\\n': the name must be"),
    ("a field called like a keyword", schema(register=text()), "'register': the name is a keyword of C"),
    ("a field that means an envelope", schema(specversion=text()), "'specversion': the name is taken"),
    # aliases
    (
        "an alias without anyOf",
        schema(ref=text(), nick={"description": "x", "$ref": "#/properties/ref"}),
        "an alias and 'anyOf' come together",
    ),
    ("anyOf without an alias", changed("anyOf", []), "an alias and 'anyOf' come together"),
    ("anyOf with one name", with_alias(anyOf=[{"required": ["ref"]}]), "nick: 'anyOf' must be"),
    ("anyOf in another order", with_alias(anyOf=with_alias()["anyOf"][::-1]), "nick: 'anyOf' must be"),
    (
        "anyOf with other names",
        with_alias(anyOf=[{"required": ["ref"]}, {"required": ["id"]}]),
        "nick: 'anyOf' must be",
    ),
    (
        "an alias of nothing",
        changed("properties/nick/$ref", "#/properties/size", with_alias()),
        "nick: '$ref' '#/properties/size' names no field",
    ),
    ("an alias elsewhere", changed("properties/nick/$ref", "#/$defs/ref", with_alias()), "nick: '$ref'"),
    ("an alias of itself", changed("properties/nick/$ref", "#/properties/nick", with_alias()), "nick: '$ref'"),
    ("a $ref that is no text", changed("properties/nick/$ref", 5, with_alias()), "nick: '$ref' 5 names no field"),
    ("an alias with more", changed("properties/nick/maxLength", 9, with_alias()), "nick: unknown keyword 'maxLength'"),
    (
        "an alias of an integer",
        changed("properties/ref", integer(), with_alias()),
        "nick: only a text that is not null has an alias",
    ),
    (
        "an alias of what may be null",
        changed("properties/ref", optional(text()), with_alias()),
        "nick: only a text that is not null has an alias",
    ),
    ("an alias that is required", with_alias(required=["sku", "nick"]), "'required' names the alias 'nick'"),
    ("an aliased field that is required", with_alias(required=["sku", "ref"]), "nick: 'required' names 'ref'"),
    (
        "two aliases",
        changed("properties/other", {"description": "x", "$ref": "#/properties/ref"}, with_alias()),
        "more than one alias",
    ),
    # what the codecs rely on
    ("a command without id", changed("properties/id", None), "id: is missing; every command has it"),
    (
        "a command with another id",
        changed("properties/id", changed("required", [])["properties"]["occurred_at"]),
        "id: differs from that of every command",
    ),
    (
        "an event without version",
        {
            **changed("properties/version", None, schema("event")),
            "required": ["sku", "occurred_at"],
        },
        "version: is missing; every event has it",
    ),
    (
        "an event with a short version",
        changed("properties/version/maximum", 9, schema("event")),
        "version: differs from that of every event",
    ),
    # how a command names its product
    ("a command without a key", keyed_by("label"), "a command names its product by a required text"),
    (
        "a command whose only key is optional",
        {**schema(sku=optional(text())), "required": []},
        "a command names its product by a required text",
    ),
    ("a command whose key is a number", schema(sku=integer()), "a command names its product by a required text"),
    # how a command is sent over HTTP
    ("a command without annotations", changed("x-allocd", None, schema()), "a command has 'x-allocd'"),
    ("annotations that are no object", changed("x-allocd", [], schema()), "x-allocd: must be an object"),
    ("an unknown annotation", changed("x-allocd/amqp", {}, schema()), "x-allocd: unknown keyword 'amqp'"),
    ("a successor without a version", changed("x-allocd/replaced_by", {"name": "put"}, schema()), "replaced_by: lacks 'since'"),
    ("a successor since a patch", replaced(since="0.2.1"), "replaced_by: 'since' must be a minor version like '0.2', not '0.2.1'"),
    ("an unknown successor", replaced(), "replaced_by: 'name' must be that of a command that is not replaced itself, not 'put'"),
    ("its own successor", replaced(successor="pack"), "replaced_by: 'name' must be that of a command that is not replaced itself"),
    ("no http", changed("x-allocd/http", None, schema()), "x-allocd: lacks 'http'"),
    ("http that is no object", changed("x-allocd/http", "/pack", schema()), "x-allocd: must be an object"),
    ("an unknown member of http", endpoint(method="PUT"), "x-allocd: unknown keyword 'method'"),
    ("no path", endpoint(path=None), "x-allocd: lacks 'path'"),
    ("no status", endpoint(status=None), "x-allocd: lacks 'status'"),
    ("a path without a slash", endpoint(path="pack"), "'path' must be like '/allocate', not 'pack'"),
    ("a path with a name in it", endpoint(path="/pack/one"), "'path' must be like"),
    ("a path with an escape", endpoint(path="/pack%20it"), "'path' must be like"),
    ("a path that is no text", endpoint(path=5), "'path' must be like"),
    ("a status in quotes", endpoint(status="202"), "'status' must be an integer"),
    ("a status of an error", endpoint(status=400), "'status' must be one of (201, 202)"),
    ("a location without a name", endpoint(location="/parcels"), "'location' must be like"),
    ("a location with more behind the name", endpoint(location="/parcels/{sku}/x"), "'location' must be like"),
    ("a location by no field", endpoint(location="/parcels/{box}"), "'location' names 'box'"),
    ("a location by an optional field", endpoint(location="/parcels/{id}"), "'location' names 'id'"),
]

REFUSED_NAMES = [
    ("register", "the name is a keyword of C"),
    ("message", "the name is taken"),
    ("field", "the name is taken"),
    ("none", "the name is taken"),
    ("types", "the name is taken"),
    ("Pack", "the name must be"),
    ("a-b", "the name must be"),
]


class RefusedSchemas(Generated):
    def assert_refused(self, file_name, content, reason):
        status, said = self.generate({file_name: content})
        self.assertEqual(status, 1, said)
        self.assertTrue(said.startswith(f"schemas: {file_name}: "), said)
        self.assertIn(reason, said)
        self.assertEqual(said.count("\n"), 1, said)
        self.assertFalse(self.header.exists() or self.source.exists() or self.endpoints.exists())

    def test_a_schema_that_is_not_understood_is_refused_with_the_reason(self):
        for what, content, reason in REFUSED:
            with self.subTest(what):
                self.assert_refused("pack.json", content, reason)

    def test_an_external_event_names_an_order_and_no_product(self):
        without, lacking = external_event(), external_event()
        both, of_batch = external_event(sku=optional(text())), external_event(batchref=optional(text()))
        del without["properties"]["orderid"]
        without["required"] = []
        lacking["properties"]["orderid"] = optional(text())
        lacking["required"] = []
        for content, reason in (
            (without, "an external event names its order by a required text 'orderid'"),
            (lacking, "an external event names its order by a required text 'orderid'"),
            (both, "an external event names no product"),
            (of_batch, "an external event names no product"),
        ):
            self.assert_refused("gone.json", content, reason)

    def test_a_name_that_c_cannot_use_is_refused(self):
        for name, reason in REFUSED_NAMES:
            with self.subTest(name):
                self.assert_refused(f"{name}.json", schema(name=name), reason)

    def test_two_commands_at_one_path_are_refused(self):
        other = changed("x-allocd/http/path", "/pack", schema(name="zip"))
        status, errors = self.generate({"pack.json": schema(), "zip.json": other})
        self.assertEqual((status, errors), (1, "schemas: x-allocd: 'path' '/pack' is that of two commands\n"))

    def test_a_successor_that_does_not_fit_is_refused(self):
        crate, rejected = schema("event", "crate"), about_a_message("crate")
        not_current = "x-allocd: replaced_by: 'name' must be that of an event that is not replaced itself, not 'crate'"
        for what, files, reason in (
            ("none", {}, not_current),
            ("a command", {"crate.json": schema(name="crate")}, not_current),
            ("one that is replaced", {"crate.json": replaced_event("crate", "chest"), "chest.json": schema("event", "chest")}, not_current),
            ("itself", {"box.json": replaced_event(successor="box")}, "not 'box'"),
            ("one about a message", {"crate.json": rejected}, "replaced_by: 'crate' must be about a product, as this event is"),
        ):
            with self.subTest(what):
                status, said = self.generate({"box.json": replaced_event(), **files})
                self.assertEqual(status, 1)
                self.assertIn(f"schemas: box.json: {reason}" if reason is not_current else reason, said)
        message = {**about_a_message("box"), "x-allocd": replaced_event()["x-allocd"]}
        self.assertIn("must be about a message", self.generate({"box.json": message, "crate.json": crate})[1])

    def test_a_command_is_not_replaced_by_an_event(self):
        status, said = self.generate({"pack.json": replaced(), "put.json": schema("event", "put")})
        self.assertEqual(status, 1)
        self.assertIn("'name' must be that of a command that is not replaced itself, not 'put'", said)

    def test_what_replaces_an_event_is_written_as_for_a_command(self):
        for content, reason in (
            ({**schema("event"), "x-allocd": {}}, "x-allocd: lacks 'replaced_by'"),
            ({**schema("event"), "x-allocd": []}, "x-allocd: must be an object"),
            (changed("x-allocd/http", {"path": "/pack", "status": 202}, replaced_event("pack")), "x-allocd: unknown keyword 'http'"),
            (changed("x-allocd/replaced_by/since", None, replaced_event("pack")), "replaced_by: lacks 'since'"),
            (replaced_event("pack", since="0.2.0"), "'since' must be a minor version like '0.2', not '0.2.0'"),
        ):
            with self.subTest(reason):
                self.assert_refused("pack.json", content, reason)

    def test_a_chain_of_successors_is_refused(self):
        files = {"pack.json": replaced(), "put.json": replaced("put", "store"), "store.json": schema(name="store")}
        status, errors = self.generate(files)
        self.assertEqual(status, 1)
        self.assertIn("pack.json: x-allocd: replaced_by: 'name' must be that of a command that is not replaced itself", errors)

    def test_a_command_that_is_replaced_is_taken_beside_its_successor(self):
        self.assertEqual(self.generate({"pack.json": replaced(), "put.json": schema(name="put")}), (0, ""))
        self.assertIn("command_types[COMMAND_TYPES] = {\n\tMSG_PACK,\n\tMSG_PUT,\n};", self.source.read_text())

    def test_an_event_that_is_replaced_is_listed_and_not_raised(self):
        files = {"box.json": replaced_event(), "crate.json": schema("event", "crate"), "tin.json": replaced_event("tin")}
        self.assertEqual(self.generate(files), (0, ""))
        header = self.header.read_text()
        self.assertIn("#define FOR_EACH_EVENT(X) \\\n\tX(MSG_CRATE, crate)\n", header)
        replaced_ones = "#define FOR_EACH_REPLACED_EVENT(X) \\\n\tX(MSG_BOX, box, MSG_CRATE) \\\n\tX(MSG_TIN, tin, MSG_CRATE)\n"
        self.assertIn(replaced_ones, header)
        self.assertIn("event_types[EVENT_TYPES] = {\n\tMSG_BOX,\n\tMSG_CRATE,\n\tMSG_TIN,\n};", self.source.read_text())

    def test_an_event_about_a_message_is_replaced_by_one_about_a_message(self):
        box = {**about_a_message("box"), "x-allocd": replaced_event()["x-allocd"]}
        self.assertEqual(self.generate({"box.json": box, "crate.json": about_a_message("crate")}), (0, ""))

    def test_the_program_ends_with_an_error_when_a_schema_is_refused(self):
        (self.folder / "pack.json").write_text("{}")
        outputs = [self.folder / name for name in ("messages.h", "messages.c", "command_endpoints.c")]

        done = subprocess.run(
            [sys.executable, "-B", GENERATOR, *outputs, self.folder / "pack.json"],
            capture_output=True, text=True, check=False,
        )

        self.assertEqual(done.returncode, 1)
        self.assertIn("schemas: ", done.stderr)
        self.assertFalse(any(output.exists() for output in outputs))

    def test_a_command_at_the_path_of_a_probe_is_refused(self):
        for path in ("/livez", "/readyz", "/metrics"):
            other = changed("x-allocd/http/path", path, schema())
            self.assertEqual(self.generate({"pack.json": other}), (1, f"schemas: x-allocd: 'path' '{path}' is that of a probe\n"))

    def test_a_file_named_differently_than_its_message_is_refused(self):
        self.assert_refused("box.json", schema(), "the names in '$id', 'title' and of the file differ")
        self.assert_refused("pack.yaml", schema(), "the file must be called NAME.json")

    def test_the_schemas_that_these_tests_change_are_accepted(self):
        self.assert_accepted({"pack.json": schema(ref=text(), qty=integer())})
        self.assert_accepted({"pack.json": with_alias()})
        self.assert_accepted({"pack.json": schema("event")})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
