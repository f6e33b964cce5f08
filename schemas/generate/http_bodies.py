"""The bodies of HTTP, in JSON Schema: what the program answers, and what it takes besides the messages."""

import payload

NAME = {"type": "string", "minLength": 1, "maxLength": 255}
TEXT = {"type": "string"}
INSTANT = {"type": "string", "format": "date-time"}
FLAG = {"type": "boolean"}
NUMBER = {"type": "number"}
COUNT = {"type": "integer", "minimum": 0}
POSITIVE = {"type": "integer", "minimum": 1}


def nullable(schema):
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*values):
    return {"enum": list(values)}


def listing(of):
    return {"type": "array", "items": of}


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def record(optional=None, **members):
    """An object; `optional` are members that may be missing."""
    return {"type": "object", "properties": {**members, **(optional or {})}, "required": list(members)}


OUTCOME = one_of("handled", "skipped", "rejected", "invalid", "failed")
LEASE = one_of("here", "elsewhere", "nowhere", "none")
DAY = {"type": "string", "format": "date"}

STOCK = {"batchref": NAME, "eta": nullable(DAY), "qty": COUNT, "allocated": COUNT, "available": COUNT}
STREAM_INPUT = {
    "read": COUNT, "in_flight": COUNT, "pending": COUNT, "lost": COUNT, "lag": nullable(COUNT),
    "pending_since": nullable(INSTANT), "unread_since": nullable(INSTANT),
}  # fmt: skip
LETTER = {
    "id": POSITIVE, "outcome": OUTCOME, "reason": TEXT, "message": TEXT, "message_id": nullable(TEXT), "source": TEXT, "way": TEXT,
    "place": TEXT, "entry_id": nullable(TEXT), "incarnation": {"type": "integer"}, "attempts": POSITIVE, "first_at": INSTANT,
    "last_at": INSTANT, "payload_bytes": COUNT, "handled_since": FLAG, "advice": TEXT,
}  # fmt: skip
HISTORY = record(
    attempt=POSITIVE, action=TEXT, who=TEXT, at=INSTANT, outcome=nullable(TEXT), reason=nullable(TEXT),
    optional={"edits": TEXT, "note": TEXT},
)  # fmt: skip

BODIES = {
    "Problem": record(
        type={"type": "string", "pattern": "^urn:allocd:problem:[a-z-]+$"},
        title=TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        detail=TEXT,
        message=TEXT,
        optional={
            "since": INSTANT,
            "troubles": listing(ref("Trouble")),
            "matched": COUNT,
            "expected": COUNT,
            "discarded": COUNT,
            "restored": COUNT,
        },
    ),
    # ---- commands and reads ----
    "CommandOutcome": record(
        id=nullable(NAME), outcome=one_of("handled", "skipped", None), events=listing(ref("Event"))
    ),
    "CloudEvent": record(
        specversion={"const": "1.0"}, id=TEXT, source=TEXT, type=TEXT, data={"type": "object"},
        optional={"time": INSTANT, "traceparent": TEXT, "datacontenttype": TEXT},
    ),
    "Product": record(sku=NAME, version=COUNT, batches=listing(record(**STOCK))),
    "Batch": record(sku=NAME, **STOCK),
    "Allocations": listing(record(sku=NAME, batchref=NAME, optional={"qty": POSITIVE})),
    # ---- the worker ----
    "Trouble": record(
        code=TEXT, severity=one_of("stop", "harm", "note"), text=TEXT, since=INSTANT, effect=TEXT, advice=TEXT, doc=TEXT
    ),
    "Status": record(
        at=INSTANT,
        name=TEXT,
        version=TEXT,
        state=one_of("starting", "healthy", "degraded", "not_ready", "stopping"),
        since=INSTANT,
        troubles=listing(ref("Trouble")),
        doing=record(
            waiting=COUNT, waiting_bytes=COUNT, queue_is_full=FLAG, parked_skus=COUNT, postponed_skus=COUNT, messages=COUNT,
            units=COUNT, messages_per_s=NUMBER, last_commit=nullable(INSTANT),
            duration=record(bounds_ms=listing(NUMBER), counts=listing(COUNT)), p50_ms=nullable(NUMBER), p99_ms=nullable(NUMBER),
        ),  # fmt: skip
        inputs=listing(record(kind=TEXT, name=TEXT, is_read=FLAG, lease=LEASE, optional=STREAM_INPUT)),
        outputs=record(
            is_up=FLAG, published=COUNT, unpublished=COUNT, unheard=COUNT, unfenced=COUNT, events_per_s=NUMBER
        ),
        dead_letters=record(kept=nullable(COUNT), dropped=nullable(COUNT), last_hour=COUNT),
        replicas=listing(record(name=TEXT, is_this=FLAG, leases=listing(TEXT))),
        admin_writes=FLAG,
        optional={"awaited": TEXT},
    ),
    "Series": record(
        step_s=one_of(1, 60), columns=listing(TEXT), points=listing(listing(nullable(NUMBER)))
    ),
    "BlindWindows": record(blind_windows=listing(record(since=INSTANT, until=INSTANT, cause=TEXT))),
    "PastEvents": record(events=listing(ref("PastEvent")), searched=COUNT, before=nullable(TEXT)),
    # ---- dead letters ----
    "DeadLetterGroups": record(
        groups=listing(
            record(
                outcome=OUTCOME, message=TEXT, reason=TEXT, count=POSITIVE, handled_since=COUNT, first_at=INSTANT, last_at=INSTANT,
                first_id=POSITIVE, last_id=POSITIVE, advice=TEXT, filter={"type": "object", "additionalProperties": TEXT},
            )  # fmt: skip
        ),
        has_more=FLAG,
    ),
    "DeadLetters": record(dead_letters=listing(record(**LETTER)), next=nullable(TEXT)),
    "DeadLetter": record(
        **LETTER,
        history=listing(HISTORY),
        optional={
            "payload": TEXT,
            "payload_base64": {"type": "string", "contentEncoding": "base64"},
            "payload_withheld": TEXT,
            "fields": {"type": ["object", "null"]},
        },
    ),
    "Discarded": record(matched=COUNT, discarded=COUNT),
    "Restored": record(matched=COUNT, restored=COUNT),
    "Rehearsal": record(
        letters=listing(
            record(
                id=POSITIVE, old_outcome=OUTCOME, old_reason=TEXT, outcome=OUTCOME, reason=TEXT, changes=listing(TEXT),
                events=listing(record(message=TEXT, payload={"type": "object"})),
                optional={"changes_left_out": POSITIVE, "events_left_out": POSITIVE},
            )  # fmt: skip
        )
    ),
    # ---- messages and jobs ----
    "MessageOutcomes": record(
        id=TEXT,
        outcomes=listing(
            record(
                message=TEXT, source=TEXT, outcome=OUTCOME, reason=TEXT, at=INSTANT,
                optional={"events": listing(record(name=TEXT, payload={"type": "object"}))},
            )  # fmt: skip
        ),
        times=nullable(
            record(
                way=TEXT, published=nullable(INSTANT), received=nullable(INSTANT), began=nullable(INSTANT), loaded=nullable(INSTANT),
                handled=nullable(INSTANT), committed=nullable(INSTANT), unit_messages=POSITIVE,
            )  # fmt: skip
        ),
        dead_letters=TEXT,
    ),
    "Job": record(
        id=TEXT, kind=one_of("replay", "republication"), state=one_of("running", "stopping", "done", "stopped", "failed"), who=TEXT,
        began_at=INSTANT, ended_at=nullable(INSTANT), total=nullable(COUNT), handled=COUNT, skipped=COUNT, failed=COUNT, rate=NUMBER,
        stopped_at=nullable(POSITIVE), error=nullable(TEXT),
        optional={"failures": listing(record(id=POSITIVE, outcome=OUTCOME, reason=TEXT))},
    ),  # fmt: skip
    "Jobs": record(jobs=listing(ref("Job"))),
}

# ---- what changes dead letters ----

FILTER = {"type": "object", "additionalProperties": TEXT, "description": "The filters of GET /admin/dead-letters, by the same names."}
EDITS = {
    "type": "object",
    "additionalProperties": {"type": ["string", "integer", "null"]},
    "description": "The fields to change; null removes one.",
}
LETTERS = {
    "filter": FILTER,
    "ids": {**listing(POSITIVE), "minItems": 1, "maxItems": 1000, "description": "Instead of a filter."},
    "limit": POSITIVE,
}
EXPECTED = {"expected_count": {**COUNT, "description": "With a filter: nothing is done unless exactly this many match."}}
NOTE = {"note": {"type": "string", "minLength": 1, "maxLength": 500}}
RATE = {"rate": {**POSITIVE, "maximum": 1000000, "description": "Letters a second."}, "stop_at_failure": FLAG}
EITHER = {"oneOf": [{"required": ["filter"]}, {"required": ["ids"]}]}


def change(*members):
    return {**record(optional={name: schema for some in (LETTERS, *members) for name, schema in some.items()}), **EITHER}


REQUESTS = {
    "Discard": change(EXPECTED, NOTE),
    "Restore": change(EXPECTED, NOTE),
    "Rehearse": change({"edits": EDITS}),
    "Replay": change({"edits": EDITS}, RATE, EXPECTED),
    "Republish": record(sku=NAME, from_version=POSITIVE, optional={"channel": NAME}),
}


def event(schemas, **more):
    """An event in an answer: bare, or as the CloudEvent that went out; and its members besides."""
    out = [schema["title"] for schema in schemas if payload.goes_out(schema)]
    either = [{"properties": {"type": {"const": name}, "data": {"anyOf": [ref(name), ref("CloudEvent")]}}} for name in out]
    return {**record(type=one_of(*out), data={"type": "object"}, **more), "oneOf": either}


def components(schemas):
    return {
        **{schema["title"]: payload.of(schema) for schema in schemas},
        "Event": event(schemas),
        "PastEvent": event(schemas, at=INSTANT, entry={"type": "string", "pattern": "^[0-9]+-[0-9]+$"}),
        **BODIES,
        **REQUESTS,
    }
