"""
What the program serves over HTTP besides its commands, which the schemas have: the routes of
src/entrypoints/http/http_api.c with their parameters and answers.

tests/e2e/specifications/test_openapi.py compares this table with a worker, both ways.
"""

import dataclasses

import payload
from http_bodies import COUNT, NAME, POSITIVE, TEXT, one_of, ref

JSON = "application/json"
PLAIN = "text/plain"
DOCUMENT = {"type": "object"}

# What a route is refused with, by its kind, besides what any request may be refused with.
REFUSALS = {
    "probe": (),
    "page": (),
    "specification": (401, 421),
    "stock": (400, 401, 404, 421, 503),
    "watch": (401, 403, 421, 429),
    "admin": (400, 401, 403, 421, 429, 500, 503),
    "change": (400, 401, 403, 415, 421, 429, 500, 503),
    "command": (400, 401, 403, 409, 413, 415, 421, 422, 503),
}
OPEN = ("probe", "page")  # these need no token


@dataclasses.dataclass
class Route:
    kind: str
    method: str
    path: str
    summary: str
    answers: dict  # by status: {media type: schema}
    refusals: tuple = ()  # besides those of its kind
    query: dict = dataclasses.field(default_factory=dict)
    body: dict | None = None
    headers: tuple = ()  # of the answer
    deprecated: bool = False

    def statuses_of_refusals(self):
        return sorted({*REFUSALS[self.kind], *self.refusals})


def read(kind, path, summary, answer, media=JSON, **more):
    return Route(kind, "get", path, summary, {200: {media: answer}}, **more)


def file(kind, path, summary, *media, **more):
    """Each file has an ETag."""
    answers = {200: {name: DOCUMENT if name == JSON else TEXT for name in media}, 304: {}}
    return Route(kind, "get", path, summary, answers, headers=("ETag",), **more)


def change(path, summary, body, answer, status=200, **more):
    return Route("change", "post", path, summary, {status: {JSON: answer}}, body=body, **more)


FILTERS = {
    "outcome": one_of("rejected", "invalid", "failed"),
    "reason": TEXT,
    "reason-is": TEXT,
    "message": TEXT,
    "message-id": NAME,
    "older-than": TEXT,
    "newer-than": TEXT,
    "since": TEXT,
    "sku": NAME,
    "discarded": one_of("", "true"),
}
PAGES = {"limit": {**POSITIVE, "maximum": 200}, "cursor": COUNT}
EVENTS = {"sku": NAME, "order": NAME, "batch": NAME, "type": TEXT}

ROUTES = [
    read("stock", "/products/{sku}", "the batches of a SKU, in order of preference", ref("Product"), query={"after": NAME}, headers=("Link",)),
    read("stock", "/batches/{batchref}", "a batch", ref("Batch")),
    read("stock", "/allocations/{orderid}", "the lines of an order that hold stock; ?full adds their quantities", ref("Allocations"), query={"full": one_of("")}),
    read(
        "stock", "/events/{sku}", "the events of a SKU after a version, the oldest first", {"type": "array", "items": ref("Event")},
        refusals=(500,), query={"after": COUNT, "epoch": POSITIVE}, headers=("Link", "Allocd-Epoch", "Allocd-Version"),
    ),
    read("probe", "/livez", "whether the worker is alive", TEXT, PLAIN),
    Route(
        "probe", "get", "/readyz", "whether the worker is ready; ?verbose answers with its status", {200: {PLAIN: TEXT, JSON: ref("Status")}},
        refusals=(400, 503), query={"for": one_of("http"), "verbose": one_of("")},
    ),
    read("probe", "/metrics", "metrics in Prometheus' text format", TEXT, PLAIN),
    file("page", "/", "the operators' page", "text/html"),
    file("page", "/assets/{file}", "scripts and styles of the page", "text/css", "text/javascript", refusals=(404,)),
    file("specification", "/asyncapi.json", "what comes in and goes out over Redis, as an AsyncAPI document", JSON),
    file("specification", "/openapi.json", "this document", JSON),
    file("specification", "/schemas/{name}.json", "the JSON Schema of a message", JSON, refusals=(404,)),
    read("watch", "/admin/status", "the worker's sample of itself, of the last second", ref("Status")),
    read("watch", "/admin/series", "figures of the last ten minutes, each second, or with step=60 of the last day, each minute", ref("Series"), refusals=(400,), query={"step": one_of(1, 60)}),
    read(
        "watch", "/admin/live", "server-sent events: status, dead letters, jobs and events as they come", TEXT, "text/event-stream",
        refusals=(400, 503), query={"topics": TEXT, **EVENTS},
    ),
    read(
        "watch", "/admin/events", "past events in the stream of events, the newest first", ref("PastEvents"), refusals=(400, 404, 503),
        query={**EVENTS, "before": TEXT, "limit": {**POSITIVE, "maximum": 200}},
    ),
    read("watch", "/admin/blind-windows", "times in which no worker was subscribed", ref("BlindWindows"), refusals=(503,)),
    change("/admin/republish", "publishes the events of a SKU again", ref("Republish"), ref("Job"), 202, refusals=(404,), headers=("Location",)),
    read("admin", "/admin/dead-letters", "a page of dead letters, the oldest first", ref("DeadLetters"), query={**FILTERS, **PAGES}, headers=("Link",)),
    read("admin", "/admin/dead-letters/groups", "dead letters by what is wrong with them", ref("DeadLetterGroups"), query=FILTERS),
    read(
        "admin", "/admin/dead-letters/export", "dead letters as commands, one a line", TEXT, "application/x-ndjson", query=FILTERS,
        headers=("Allocd-Left-Out",),
    ),
    change("/admin/dead-letters/discards", "discards dead letters", ref("Discard"), ref("Discarded"), refusals=(409,)),
    change("/admin/dead-letters/restores", "restores dead letters that were discarded", ref("Restore"), ref("Restored"), refusals=(409,)),
    change("/admin/dead-letters/rehearsals", "a dry run of a replay", ref("Rehearse"), ref("Rehearsal"), refusals=(404, 501)),
    change("/admin/dead-letters/replays", "replays dead letters, as a job", ref("Replay"), ref("Job"), 202, refusals=(409,), headers=("Location",)),
    read("admin", "/admin/messages/{id}", "what became of a message", ref("MessageOutcomes"), refusals=(404,)),
    read("admin", "/admin/jobs", "the jobs of this worker", ref("Jobs")),
    read("admin", "/admin/jobs/{id}", "a job", ref("Job"), refusals=(404,)),
    Route("change", "delete", "/admin/jobs/{id}", "stops a job after the letter in flight", {202: {JSON: ref("Job")}}, refusals=(404,)),
    read("admin", "/admin/dead-letters/{id}", "a dead letter in full", ref("DeadLetter"), query={"discarded": FILTERS["discarded"]}, refusals=(404,)),
]  # fmt: skip


def command(schema):
    http = schema["x-allocd"]["http"]
    names_batch = "sku" not in schema["required"] and "anyOf" in schema
    return Route(
        "command",
        "post",
        http["path"],
        schema["description"],
        {http["status"]: {PLAIN: {"const": "OK"}, JSON: ref("CommandOutcome")}},
        refusals=(404,) if names_batch else (),
        body=ref(schema["title"]),
        headers=("Location",) if "location" in http else (),
        deprecated=payload.successor(schema) is not None,
    )


def admin_commands(schemas):
    """One route for all commands."""
    statuses = sorted({schema["x-allocd"]["http"]["status"] for schema in schemas})
    return Route(
        "change",
        "post",
        "/admin/commands/{name}",
        "a command from an operator, answered as at its own path",
        {status: {PLAIN: {"const": "OK"}, JSON: ref("CommandOutcome")} for status in statuses},
        refusals=(404, 409, 413, 422),
        body={"anyOf": [ref(schema["title"]) for schema in schemas]},
        headers=("Location",),
    )


def all_routes(schemas):
    """`schemas`: of all messages."""
    commands = [schema for schema in schemas if not payload.goes_out(schema)]
    return [*map(command, commands), *ROUTES, admin_commands(commands)]
