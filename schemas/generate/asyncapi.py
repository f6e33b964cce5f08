"""Writes the AsyncAPI 3.0 document: what comes in and goes out over Redis."""

import payload

DRAFT_07 = "application/schema+json;version=draft-07"

ABOUT = (
    "Decides which batch of stock each order line is taken from. Commands come in and events go out on Redis, by "
    "pub/sub and by streams. docs/messages.md of allocd explains them."
)
AT_MOST_ONCE = "at most once: what is published while no worker is subscribed is lost"
ONE_EFFECT = "at least once, with one effect: acknowledged after the commit"
AT_LEAST_ONCE = "at least once to Redis, after the commit; a subscriber receives what is published while it is connected"
KEPT = "at least once, and kept: the stream has about the last 100000 events"
BY_ARRIVAL = "messages of one SKU are handled in the order of their arrival"
BY_STREAM = "the entries of one stream are handled in their order"
BY_VERSION = "by `version`, without gaps, for each SKU and `epoch`"

# What of a CloudEvent stands for which part of a bare message.
CLOUD_EVENT = {
    "description": "The payload may also be a CloudEvents 1.0 envelope in structured mode: ALLOCD_ENVELOPE chooses "
    "the form of events, and a command with the member `specversion` is one.",
    "x-allocd-cloudevents": {
        "contentType": "application/cloudevents+json",
        "envelope": {
            "type": "object",
            "properties": {
                "specversion": {"const": "1.0"},
                "type": {"type": "string", "description": "The message's name."},
                "source": {"type": "string", "description": "Of events: ALLOCD_SOURCE."},
                "id": {
                    "type": "string",
                    "description": "Of a command: together with `source` its id. Of an event: SKU/VERSION, or "
                    "SKU/EPOCH/VERSION from epoch 2 on; of a command_rejected it is random.",
                },
                "time": {"type": "string", "format": "date-time", "description": "Stands for `occurred_at`."},
                "traceparent": {"type": "string", "description": "W3C Trace Context."},
                "data": {"type": "object", "description": "The payload of the bare message."},
            },
            "required": ["specversion", "type", "source", "id"],
        },
    },
    "x-allocd-encodings": {
        "json": "The default.",
        "msgpack": "MessagePack: a command whose first byte is that of a map (0x80 to 0x8f, 0xde, 0xdf); events "
        "with ALLOCD_ENCODING=msgpack.",
    },
}

PARAMETERS = {
    "prefix": {"default": "", "description": "ALLOCD_PREFIX, which is empty unless it is set."},
    "commandStream": {
        "default": "allocd:commands",
        "description": "A name in ALLOCD_STREAM, which may list several, or a range such as allocd:commands[0-7].",
    },
    "eventStream": {"default": "allocd:events", "description": "ALLOCD_EVENT_STREAM."},
}


def ref(*path):
    return {"$ref": "#/" + "/".join(path)}


def correlation(schema):
    """A command has an id, and an event the id of its cause; a command_rejected repeats the id."""
    field = "id" if "id" in schema["properties"] else "cause"
    return {"location": f"$message.payload#/{field}"}


def message(schema, examples):
    name = schema["title"]
    return {
        "name": name,
        "title": name,
        "summary": schema["description"],
        "contentType": "application/json",
        "correlationId": correlation(schema),
        "payload": {"schemaFormat": DRAFT_07, "schema": payload.of(schema)},
        "examples": [{"name": f"{name}-{number}", "payload": each} for number, each in enumerate(examples, 1)],
        "traits": [ref("components", "messageTraits", "cloudEvents")],
    }


def channel(address, names, **more):
    parameters = [name for name in PARAMETERS if f"{{{name}}}" in address]
    return {
        "address": address,
        "servers": [ref("servers", "redis")],
        "parameters": {name: ref("components", "parameters", name) for name in parameters},
        "messages": {name: ref("components", "messages", name) for name in names},
        **more,
    }


def pubsub(schema):
    out = payload.goes_out(schema)
    return channel(
        "{prefix}" + schema["title"],
        [schema["title"]],
        description=f"Redis pub/sub: {schema['description']}",
        **{
            "x-allocd-delivery": AT_LEAST_ONCE if out else AT_MOST_ONCE,
            "x-allocd-order": BY_VERSION if "version" in schema["properties"] else "none" if out else BY_ARRIVAL,
        },
    )


def streams(commands, events):
    entry = {"type": "The message's name.", "data": "The payload."}
    taken = {"id": "Stands for `id` where the payload has none.", "traceparent": "Stands for that of the payload."}
    return {
        "commandStream": channel(
            "{prefix}{commandStream}",
            commands,
            description="Redis stream of commands, read by the consumer group ALLOCD_GROUP.",
            **{"x-allocd-entry": {**entry, **taken}, "x-allocd-delivery": ONE_EFFECT, "x-allocd-order": BY_STREAM},
        ),
        "eventStream": channel(
            "{prefix}{eventStream}",
            events,
            description="Redis stream of all events.",
            **{"x-allocd-entry": entry, "x-allocd-delivery": KEPT, "x-allocd-order": BY_VERSION},
        ),
    }


def operations(channels, commands):
    """What the program does: it receives commands, and sends events."""
    result = {}
    for name, about in channels.items():
        action = "receive" if set(about["messages"]) <= set(commands) else "send"
        result[f"{action}_{name}"] = {
            "action": action,
            "channel": ref("channels", name),
            "summary": about["description"],
            "messages": [ref("channels", name, "messages", each) for each in about["messages"]],
        }
    return result


def document(version, schemas, examples):
    """`examples`: {name: payloads}; every message has one."""
    commands = [schema["title"] for schema in schemas if not payload.goes_out(schema)]
    events = [schema["title"] for schema in schemas if payload.goes_out(schema)]
    channels = {**{schema["title"]: pubsub(schema) for schema in schemas}, **streams(commands, events)}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:allocd",
        "info": {"title": "allocd", "version": version, "description": ABOUT, "license": {"name": "MIT"}},
        "defaultContentType": "application/json",
        "servers": {
            "redis": {
                "host": "{host}:{port}",
                "protocol": "redis",
                "description": "REDIS_URL.",
                "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": "6379"}},
            }
        },
        "channels": channels,
        "operations": operations(channels, commands),
        "components": {
            "parameters": PARAMETERS,
            "messageTraits": {"cloudEvents": CLOUD_EVENT},
            "messages": {schema["title"]: message(schema, examples[schema["title"]]) for schema in schemas},
        },
    }
