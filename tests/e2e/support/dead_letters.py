"""An operator's work on dead letters, and the tests' queries about them."""

import json

from installation import unique, wait_until

LETTERS = "select id, outcome, reason, attempts from dead_letters order by id"
HISTORY = """
    select dead_letter_id, attempt, action, who, edits, outcome, reason from dead_letter_history
    order by dead_letter_id, attempt
"""


def letters(allocd, verb, *arguments, **settings):
    return allocd.run("dead-letters", verb, *map(str, arguments), **settings)


def replay(allocd, *arguments, **settings):
    return letters(allocd, "replay", "--yes", *arguments, **settings)


def listed(allocd, *filters):
    done = letters(allocd, "list", "--json", *filters)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ids(allocd, *filters):
    return [letter["id"] for letter in listed(allocd, *filters)]


def reject(allocd, count=1, **more):
    """Sends `count` order lines of an unknown SKU, and returns the SKU."""
    sku, before = unique("sku"), len(allocd.dead_letters())
    for number in range(count):
        allocd.allocate(sku, f"order-{number}", 1, **more)
    allocd.await_dead_letters(before + count)
    return sku


def repair(allocd, sku, qty=100):
    allocd.post("/add_batch", {"ref": f"batch-of-{sku}", "sku": sku, "qty": qty}).raise_for_status()


def lines_of(allocd, sku):
    return allocd.query("select orderid from allocations_view where sku = %s order by orderid", sku)


def versions_of(allocd, sku):
    answer = wait_until(lambda: answered(allocd.get(f"/events/{sku}")), "the events over HTTP")
    return [event["data"]["version"] for event in answer.json()]


def answered(answer):
    return answer if answer.status_code == 200 else None


def insert_mail(allocd):
    """A mail that could not be sent."""
    payload = json.dumps({"sku": "lamp", "orderid": "order-9", "qty": 7}).encode()
    allocd.query(
        """insert into dead_letters (outcome, reason, way, place, message, source, payload, payload_bytes, attempts)
        values ('failed', 'mailbox full', 'mail', 'out_of_stock', 'out_of_stock', '', %s, %s, 12)""",
        payload, len(payload),
    )  # fmt: skip
