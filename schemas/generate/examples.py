"""Finds the examples of docs/messages.md, which people read and the specifications repeat."""

import json
import re

BLOCK = re.compile(r"^```\w+ (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# By the name of the block: what precedes a message's name, and its payload.
LINES = {
    "channels": re.compile(r"^redis-cli PUBLISH (\w+) '(.*)'$", re.MULTILINE),
    "stream": re.compile(r"^redis-cli XADD \S+ '\*' type (\w+) data '(.*)'$", re.MULTILINE),
    "events": re.compile(r"^(\w+) (\{.*\})$", re.MULTILINE),
}
REQUEST = re.compile(r"^curl --json '(.*)' http://[^/]+(/\w+)$", re.MULTILINE)


def blocks(document):
    return dict(BLOCK.findall(document))


def unique(found):
    """{name: different payloads in the order of the document}."""
    examples = {}
    for name, text in found:
        payload = json.loads(text)
        if payload not in examples.setdefault(name, []):
            examples[name].append(payload)
    return examples


def of_messages(document):
    """{name of a message: payloads}."""
    by_name = blocks(document)
    return unique(pair for block, line in LINES.items() for pair in line.findall(by_name.get(block, "")))


def of_requests(document):
    """{path of a command over HTTP: bodies}."""
    return unique((path, body) for body, path in REQUEST.findall(blocks(document).get("http", "")))
