#!/usr/bin/python3
"""Compares the schemas with those of the last release, schemas/released/: a message only gains optional fields.

    schema_compatibility.py           names each change that breaks publishers or consumers
    schema_compatibility.py --record  for a release: the schemas become those of the last release

Each command that was valid stays valid; it may take more.  An event must stay as it was, field by field, because
consumers read new events, and the outbox and the stream still have those of before.  A message that another one
replaces (docs/decisions/replaced-names.md) may be removed after two more minor versions.
"""

import json
import pathlib
import re
import sys

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schemas"
RELEASED = SCHEMAS / "released"
VERSION = re.compile(r"^  version: '(\d+)\.(\d+)\.\d+',$", re.MULTILINE)

NOTES = ("description",)  # keywords that restrict nothing
LEAST, MOST = ("minimum", "minLength"), ("maximum", "maxLength")


def shown(value):
    return json.dumps(value, ensure_ascii=False)


def types(field):
    kind = field.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


def names(values):
    return ", ".join(sorted(map(str, values)))


def is_narrower(keyword, old, new):
    """Whether the keyword refuses what it accepted; None: it is absent."""
    if new is None:
        return False
    if old is None:
        return True
    if keyword in LEAST:
        return new > old
    if keyword in MOST:
        return new < old
    if keyword == "enum":
        return not all(value in new for value in old)
    if keyword == "type":
        return not types({"type": old}) <= types({"type": new})
    return True


def change(keyword, old, new):
    if keyword == "enum" and old and new:
        gained, lost = [value for value in new if value not in old], [value for value in old if value not in new]
        return " and ".join(
            f"the value {shown(value)} was {how}" for how, some in (("added", gained), ("removed", lost)) for value in some
        )
    if old is None:
        return f"{keyword} was added: {shown(new)}"
    if new is None:
        return f"{keyword} was removed: {shown(old)}"
    return f"{keyword} was {shown(old)} and is {shown(new)}"


def of_field(old, new, is_event):
    """What breaks in a field that both have."""
    for keyword in sorted({*old, *new} - {*NOTES}):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        if is_event:
            yield f"{change(keyword, before, after)}: consumers rely on events as they were"
        elif is_narrower(keyword, before, after):
            yield f"{change(keyword, before, after)}: commands that were valid are refused"


def http(schema):
    return schema.get("x-allocd", {}).get("http")


def successor(schema):
    return schema.get("x-allocd", {}).get("replaced_by")


def of_required(old, new, is_event):
    before, after = set(old["required"]), set(new["required"])
    for name in sorted(after - before):
        yield f"{name}: is required now: " + ("events of before lack it" if is_event else "commands without it are refused")
    for name in sorted(before - after) if is_event else ():
        yield f"{name}: is not required any more: consumers rely on it"
    alternatives = old.get("anyOf") or []
    if new.get("anyOf") and not (alternatives and all(one in new["anyOf"] for one in alternatives)):
        yield f"anyOf was {shown(alternatives or None)} and is {shown(new['anyOf'])}: commands that were valid are refused"


def of_message(old, new):
    """Sentences that name the field, and say what breaks."""
    is_event = old["$id"].startswith("urn:allocd:event:")
    if old["$id"] != new["$id"]:
        yield f"$id was {shown(old['$id'])} and is {shown(new['$id'])}: its role is another one"
        return
    for name, field in old["properties"].items():
        if name not in new["properties"]:
            yield f"{name}: was removed: " + ("consumers read it" if is_event else "what publishers send in it has no effect")
        else:
            yield from (f"{name}: {said}" for said in of_field(field, new["properties"][name], is_event))
    yield from of_required(old, new, is_event)
    if successor(old) and successor(new) and successor(old)["since"] != successor(new)["since"]:
        since = f"since {successor(old)['since']}, and since {successor(new)['since']}"
        yield f"it was replaced {since}: the two versions count from the first one"
    if http(old) != http(new):
        yield f"http was {shown(http(old))} and is {shown(http(new))}: clients rely on it"


def of_removal(old, version):
    """A message that is gone: it was replaced, and two minor versions had both names after the one that replaced it."""
    replaced_by = successor(old)
    if not replaced_by:
        yield "the message was removed; publishers and consumers use its name"
        return
    major, minor = map(int, replaced_by["since"].split("."))
    first = (major, minor + 3) if version[0] == major else (version[0], 2)
    if version < first:
        yield f"the message was removed; version {first[0]}.{first[1]} is the first that may, because {replaced_by['since']} replaced it"


def broken(released, schemas, version):
    """All of it, one sentence each that begins with the message's name: {name: schema} of both; (major, minor)."""
    for name, old in sorted(released.items()):
        said = of_message(old, schemas[name]) if name in schemas else of_removal(old, version)
        yield from (f"{name}: {each}" for each in said)


def read(folder):
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}


def current_version():
    text = (SCHEMAS.parent / "meson.build").read_text(encoding="utf-8")
    return tuple(map(int, VERSION.search(text).groups()))


def record():
    for path in RELEASED.glob("*.json"):
        path.unlink()
    for path in SCHEMAS.glob("*.json"):
        (RELEASED / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")


def main(*arguments):
    if said := list(broken(read(RELEASED), read(SCHEMAS), current_version())):
        said.append("A schema only gains optional fields; anything else is a message of another name: see docs/decisions/replaced-names.md.")
        return "\n".join(said)
    if arguments == ("--record",):
        record()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
