"""The documented listeners, and those of before, end with the lines of the read model."""

import pytest
from books import Books, await_balance
from documents import LANGUAGES, listening

SKU = "lamp"


@pytest.fixture
def unprefixed(on_own_redis):
    on_own_redis.stop()
    on_own_redis.give_to("")  # as in the documented programs
    on_own_redis.start()
    return on_own_redis


def post(allocd, command, **fields):
    answer = allocd.post(f"/{command}", fields)
    assert answer.ok, answer.text


def each_line(allocd, command, word, numbers):
    for number in numbers:
        post(allocd, command, orderid=f"{SKU}/{word}-{number}", sku=SKU, qty=1)


def work(allocd, word, ships):
    """Lines are allocated, move to another batch, and leave from both; some are allocated again."""
    each_line(allocd, "allocate", word, range(20))
    each_line(allocd, "deallocate", word, range(0, 20, 5))
    post(allocd, "change_batch_quantity", batchref="shelf", qty=6)
    each_line(allocd, "deallocate", word, range(1, 20, 4))
    if ships:
        each_line(allocd, "ship", word, range(2, 20, 3))
    each_line(allocd, "allocate", word, range(0, 20, 2))
    post(allocd, "change_batch_quantity", batchref="shelf", qty=30)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("ships", [False, True], ids=["before_ship", "with_ship"])
def test_a_documented_listener_that_hears_and_replays_ends_with_the_lines_of_the_read_model(
    tmp_path, unprefixed, language, ships
):
    """Its first event is behind a gap, so it replays all; then it hears the rest as it is published."""
    allocd = unprefixed
    post(allocd, "add_batch", ref="shelf", sku=SKU, qty=30)
    post(allocd, "add_batch", ref="shipment", sku=SKU, qty=30, eta="2030-01-01")
    work(allocd, "replayed", ships)

    with listening(language, tmp_path, allocd, without=() if ships else ("line_shipped",)) as listener:
        books = Books(listener)
        work(allocd, "heard", ships)
        await_balance(books, allocd)

    assert ("line_shipped" in {line[0] for line in books.lines}) == ships
    reasons = {event["data"].get("reason") for event in allocd.get(f"/events/{SKU}").json()}
    assert reasons == {None, "batch_shrunk", "cancelled"}
    assert allocd.run("verify").returncode == 0
