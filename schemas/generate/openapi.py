"""Writes the OpenAPI 3.1 document: what the program serves over HTTP."""

import re

import http_bodies
import http_routes
import payload
from http_routes import JSON, OPEN

ABOUT = (
    "Commands, reads, probes, and the operators' API of a worker of allocd. docs/messages.md and docs/operating.md of "
    "allocd explain them. Every GET is answered as HEAD, too, without the body. A command may also be a CloudEvents 1.0 "
    "envelope in structured mode."
)
TAGS = {
    "command": "Messages that ask for something; they also come in over Redis, see /asyncapi.json.",
    "stock": "What the database knows.",
    "probe": "For orchestrators and monitors; no token is needed.",
    "page": "For people; no token is needed.",
    "specification": "What the program says about its interfaces.",
    "watch": "What the worker does.",
    "admin": "Dead letters, messages and jobs.",
    "change": "What operators change; the admin token is needed.",
}
HTTP_TOKEN, ADMIN_TOKEN = {"httpToken": []}, {"adminToken": []}
# By kind.  `{}`: no token, where ALLOCD_HTTP_TOKEN is not set.
SECURITY = {
    **{kind: [] for kind in OPEN},
    **{kind: [HTTP_TOKEN, {}] for kind in ("command", "stock", "specification")},
    **{kind: [HTTP_TOKEN, ADMIN_TOKEN, {}] for kind in ("watch", "admin")},
    "change": [ADMIN_TOKEN],
}
SECURITY_SCHEMES = {
    "httpToken": {"type": "http", "scheme": "bearer", "description": "ALLOCD_HTTP_TOKEN."},
    "adminToken": {"type": "http", "scheme": "bearer", "description": "ALLOCD_ADMIN_TOKEN."},
}

REFUSALS = {
    400: "The request is not valid, or the command is invalid, or of an unknown SKU.",
    401: "The token is missing or wrong.",
    403: "The request comes from a page of another origin, or the settings do not allow it.",
    404: "There is no such thing.",
    409: "The command contradicts an earlier one, or another number of letters matched.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not application/json.",
    421: "The host in the request is none of this worker's names.",
    422: "The database refuses this very command.",
    429: "Too many wrong tokens came from this address.",
    500: "The command failed, or what is stored cannot be read.",
    501: "Rehearsals are not possible behind a pooler of transactions.",
    503: "Not now: retry after the seconds in Retry-After. A command is perhaps done: retry with the same id.",
}
MEANINGS = {200: "Done.", 201: "Done.", 202: "Accepted.", 304: "Not modified: the ETag is the one in If-None-Match."}
HEADERS = {
    "Location": "What to read afterwards.",
    "Link": 'With rel="next": the next page; absent on the last one.',
    "ETag": "Changes with the content and its coding.",
    "Allocd-Epoch": "The epoch of the database.",
    "Allocd-Version": "The version of the SKU's last event.",
    "Allocd-Left-Out": "How many letters were left out, percent-encoded; absent: none.",
}


def problem(description):
    return {"description": description, "content": {"application/problem+json": {"schema": http_bodies.ref("Problem")}}}


def answer(route, status):
    media = route.answers[status]
    result = {"description": MEANINGS[status]}
    if media:
        result["content"] = {name: {"schema": schema} for name, schema in media.items()}
    if route.headers:
        result["headers"] = {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in route.headers}
    return result


def refusal(route, status):
    """/readyz?verbose has its status as the body of a 503, too."""
    result = {"$ref": f"#/components/responses/{status}"}
    if status == 503 and JSON in route.answers.get(200, {}) and route.kind == "probe":
        result = problem(REFUSALS[status])
        result["content"][JSON] = {"schema": route.answers[200][JSON]}
    return result


def parameters(route):
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": http_bodies.TEXT if route.kind == "page" else http_bodies.NAME}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    in_query = [{"name": name, "in": "query", "schema": schema} for name, schema in route.query.items()]
    operator = [{"$ref": "#/components/parameters/X-Operator"}] if route.kind == "change" else []
    return in_path + in_query + operator


def operation(route, examples):
    result = {
        "operationId": f"{route.method}_" + re.sub(r"\W+", "_", route.path).strip("_"),
        "tags": [route.kind],
        "summary": route.summary,
        "security": SECURITY[route.kind],
        "parameters": parameters(route),
        "responses": {
            **{str(status): answer(route, status) for status in route.answers},
            **{str(status): refusal(route, status) for status in route.statuses_of_refusals()},
            "default": {"$ref": "#/components/responses/default"},
        },
    }
    if route.deprecated:
        result["deprecated"] = True
    if route.body:
        content = {"schema": route.body}
        if route.path in examples:
            content["examples"] = {f"example-{number}": {"value": each} for number, each in enumerate(examples[route.path], 1)}
        result["requestBody"] = {"required": True, "content": {JSON: content}}
    return result


def paths(routes, examples):
    result = {}
    for route in routes:
        result.setdefault(route.path, {})[route.method] = operation(route, examples)
    return result


def document(version, schemas, examples):
    """`examples`: {path of a command: bodies}."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "allocd", "version": version, "description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [
            {
                "url": "http://{address}",
                "description": "ALLOCD_HTTP.",
                "variables": {"address": {"default": "127.0.0.1:5005"}},
            }
        ],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths(http_routes.all_routes(schemas), examples),
        "components": {
            "schemas": http_bodies.components(schemas),
            "responses": {
                **{str(status): problem(text) for status, text in REFUSALS.items()},
                "default": problem("The request is malformed or too large, and the connection is closed; or the method is another one."),
            },
            "parameters": {
                "X-Operator": {
                    "name": "X-Operator",
                    "in": "header",
                    "description": "Who makes the change, percent-encoded; the history and the log have it.",
                    "schema": {"type": "string", "maxLength": 256},
                }
            },
            "securitySchemes": SECURITY_SCHEMES,
        },
    }
