"""The specifications and the schemas: what validators say of them, and how the program serves and prints them."""

import gzip
import json
import os
import pathlib
import shutil
import subprocess

import jsonschema
import pytest
import requests
from installation import ROOT, binary
from npm import node_modules
from changed_json import with_change
from openapi import HTTP_TOKEN

VALIDATE = pathlib.Path(__file__).with_name("validate.mjs")
PACKAGES = ["@asyncapi/parser@3.6.6", "@seriousme/openapi-schema-validator@2.11.0"]  # of npm, for these tests alone
VALIDATE_S = 120

SCHEMAS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "schemas").glob("*.json")}


def printed(option):
    return json.loads(subprocess.run([binary(), "schema", option], capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def asyncapi():
    return printed("--asyncapi")


@pytest.fixture(scope="module")
def openapi():
    return printed("--openapi")


# ---- validators that we did not write ----


@pytest.fixture(scope="module")
def validate(tmp_path_factory):
    """Returns what is wrong with each document: [(kind, document)…]."""
    if missing := [command for command in ("node", "npm") if not shutil.which(command)]:
        pytest.fail(f"{', '.join(missing)} not installed: see ./dev packages page")
    modules = node_modules(*PACKAGES)
    folder = tmp_path_factory.mktemp("documents")

    def said_of(documents):
        files = []
        for number, (kind, document) in enumerate(documents):
            files.append((kind, str(folder / f"{number}.json")))
            pathlib.Path(files[-1][1]).write_text(json.dumps(document), encoding="utf-8")
        done = subprocess.run(
            ["node", VALIDATE], env={**os.environ, "NODE_MODULES": str(modules)}, input=json.dumps(files), text=True,
            capture_output=True, check=False, timeout=VALIDATE_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return said_of


FAULTS = [
    ("asyncapi", ["info", "version"], None),
    ("asyncapi", ["channels", "allocate", "messages", "allocate"], {"$ref": "#/components/messages/allot"}),
    ("asyncapi", ["operations", "receive_allocate", "action"], "take"),
    ("asyncapi", ["components", "messages", "allocate", "payload", "schema", "type"], "record"),
    ("openapi", ["info", "version"], None),
    ("openapi", ["paths", "/allocate", "post", "responses"], {}),
    ("openapi", ["paths", "/products/{sku}", "get", "parameters"], [{"name": "sku", "in": "the path", "schema": {}}]),
    ("openapi", ["components", "securitySchemes", "httpToken", "scheme"], None),
]


def test_validators_find_no_fault_in_the_specifications_and_each_that_is_put_into_them(validate, asyncapi, openapi):
    documents = {"asyncapi": asyncapi, "openapi": openapi}

    said = validate([*documents.items(), *((kind, with_change(documents[kind], path, value)) for kind, path, value in FAULTS)])

    assert said[:2] == [[], []]
    assert [FAULTS[number] for number, faults in enumerate(said[2:]) if not faults] == []


# ---- the documents and the schemas ----


def test_the_version_is_that_of_the_program(asyncapi, openapi):
    version = json.loads(subprocess.run([binary(), "version", "--json"], capture_output=True, text=True, check=True).stdout)

    assert asyncapi["info"]["version"] == openapi["info"]["version"] == version["version"]


def test_every_message_has_a_channel_a_stream_an_operation_and_examples_that_its_payload_allows(asyncapi):
    messages = asyncapi["components"]["messages"]
    roles = {name: json.loads(text)["$id"].split(":")[2] for name, text in SCHEMAS.items()}

    assert set(messages) == set(SCHEMAS)
    for name, message in messages.items():
        out = roles[name] == "event"
        assert asyncapi["channels"][name]["address"] == "{prefix}" + name
        assert name in asyncapi["channels"]["eventStream" if out else "commandStream"]["messages"]
        operation = asyncapi["operations"][f"{'send' if out else 'receive'}_{name}"]
        assert operation["action"] == ("send" if out else "receive")
        assert message["examples"]
        for schema in (message["payload"]["schema"], json.loads(SCHEMAS[name])):
            for example in message["examples"]:
                jsonschema.validate(example["payload"], schema)


def test_what_a_payload_may_be_is_what_the_schema_says(asyncapi):
    """Read as draft-07, which it says it is, it refuses what the schema refuses."""
    payload = asyncapi["components"]["messages"]["create_batch"]["payload"]
    validator = jsonschema.Draft7Validator(payload["schema"])
    good = {"ref": "shelf", "sku": "lamp", "qty": 10}

    assert payload["schemaFormat"].endswith("version=draft-07")
    assert validator.is_valid(good)
    for wrong in ({"ref": ""}, {"ref": "a" * 256}, {"ref": 5}, {"qty": 0}, {"qty": 2**31}, {"eta": "tomorrow"}, {"sku": None}):
        assert not validator.is_valid({**good, **wrong}), wrong
    assert not validator.is_valid({"sku": "lamp", "qty": 10})


def test_examples_of_requests_are_those_of_the_documents_and_allowed(openapi):
    commands = {path: item["post"] for path, item in openapi["paths"].items() if "command" in item.get("post", {}).get("tags", [])}

    assert len(commands) == sum("x-allocd" in json.loads(text) for text in SCHEMAS.values())
    for path, operation in commands.items():
        content = operation["requestBody"]["content"]["application/json"]
        schema = openapi["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[1]]
        assert content["examples"], path
        for example in content["examples"].values():
            jsonschema.validate(example["value"], schema)


# ---- served, and printed ----


def served(allocd, path, **headers):
    headers = {"Authorization": f"Bearer {HTTP_TOKEN}", **headers}
    return requests.get(allocd.url(path), headers=headers, timeout=10, stream=True)


def test_each_document_is_served_as_it_is_printed_plain_and_compressed_and_may_be_kept(guarded):
    texts = {f"/schemas/{name}.json": text for name, text in SCHEMAS.items()}
    for name in ("asyncapi", "openapi"):
        texts[f"/{name}.json"] = guarded.run("schema", f"--{name}").stdout
    for path, text in texts.items():
        plain = served(guarded, path, **{"Accept-Encoding": "identity"})
        packed = served(guarded, path, **{"Accept-Encoding": "gzip"})
        assert (plain.status_code, plain.text, plain.headers["Content-Type"]) == (200, text, "application/json")
        assert gzip.decompress(packed.raw.read()).decode() == text
        assert plain.headers["Cache-Control"] == "no-cache"  # a copy is good as long as its tag is the same
        assert plain.headers["ETag"] != packed.headers["ETag"], "they differ in their bytes"
        known = served(guarded, path, **{"If-None-Match": plain.headers["ETag"], "Accept-Encoding": "identity"})
        assert (known.status_code, known.content) == (304, b"")
        head = requests.head(guarded.url(path), headers=plain.request.headers, timeout=10)
        assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", plain.headers["ETag"])


@pytest.mark.parametrize("name", ["alocate.json", "allocate", ".json", "..%2fasyncapi.json", "allocate.json/", pytest.param("a" * 5000, id="long")])
def test_a_schema_that_is_not_there_is_answered_with_those_that_are(guarded, name):
    answer = served(guarded, f"/schemas/{name}")

    assert answer.status_code == 404 and answer.json()["type"] == "urn:allocd:problem:not-found"
    assert "expected /schemas/NAME.json" in answer.json()["message"]
    assert all(message in answer.json()["message"] for message in SCHEMAS)


def test_one_document_is_asked_for_at_a_time(parked):
    for arguments in (["--asyncapi", "--openapi"], ["allocate", "--openapi"]):
        done = parked.run("schema", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "expected a message, --asyncapi or --openapi" in done.stderr
