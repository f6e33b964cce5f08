"""Holds answers of a worker against an OpenAPI document."""

import copy
import typing

import jsonschema

# Of the worker of these tests; by the names of the document.
HTTP_TOKEN, ADMIN_TOKEN = "a-token-of-clients", "a-token-of-32-characters-0123456"
TOKENS = {"httpToken": HTTP_TOKEN, "adminToken": ADMIN_TOKEN}

METHODS = ("get", "post", "delete")


class Exchange(typing.NamedTuple):
    """A request, by the method and the path as the document has them, and its answer."""

    method: str
    path: str
    status: int
    media: str  # of the body; "" without one
    body: object  # parsed if it is JSON

    def __str__(self):
        return f"{self.method.upper()} {self.path}: {self.status} {self.media} {str(self.body)[:400]}"


def is_json(media):
    return media.endswith(("/json", "+json"))


def of_answer(method, path, answer):
    media = answer.headers.get("Content-Type", "").partition(";")[0] if answer.content else ""
    return Exchange(method, path, answer.status_code, media, answer.json() if is_json(media) else answer.text)


def strict(node):
    """A copy in which an object has no members but those that are named: what the program sends beside is not documented."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {name: strict(each) for name, each in node.items()}
    if node.get("type") == "object" and "properties" in node:
        node.setdefault("additionalProperties", False)
    return node


class Specification:
    def __init__(self, document):
        self.document = copy.deepcopy(document)
        self.resolver = jsonschema.RefResolver("", strict(self.document))

    def operations(self):
        return {
            (method, path): item[method] for path, item in self.document["paths"].items() for method in METHODS if method in item
        }

    def resolved(self, node):
        return self.resolver.resolve(node["$ref"])[1] if "$ref" in node else node

    def check(self, exchange):
        operation = self.operations().get((exchange.method, exchange.path))
        assert operation, f"{exchange} is not documented"
        response = operation["responses"].get(str(exchange.status))
        assert response, f"{exchange} has a status that is not documented"
        content = self.resolved(response).get("content", {})
        assert exchange.media in content or (not content and not exchange.media), f"{exchange} is of none of {list(content)}"
        if is_json(exchange.media):
            self.validate(exchange.body, content[exchange.media]["schema"], exchange)

    def validate(self, value, schema, where):
        errors = list(jsonschema.Draft202012Validator(strict(schema), resolver=self.resolver).iter_errors(value))
        assert not errors, f"{where} is not as documented: {jsonschema.exceptions.best_match(errors).message}"
