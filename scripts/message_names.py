"""The names of the messages, by role, as the schemas have them."""

import json
import pathlib

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schemas"


def names(role):
    """The names of all messages of the role, "command" or "event", in order."""
    identities = (json.loads(path.read_text(encoding="utf-8"))["$id"] for path in SCHEMAS.glob("*.json"))
    prefix = f"urn:allocd:{role}:"
    found = tuple(sorted(identity.removeprefix(prefix) for identity in identities if identity.startswith(prefix)))
    assert found, f"{SCHEMAS} has no {role}"
    return found


EVENTS = names("event")
