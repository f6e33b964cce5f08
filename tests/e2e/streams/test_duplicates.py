"""Messages that are delivered more than once, and one that the database refuses."""

import random
from concurrent.futures import ThreadPoolExecutor

from ledger import Command
from sender import STREAM, Senders

ORDERS = 1000
NEIGHBOURS = 999


def test_twenty_percent_duplicates_have_one_effect(parked, ledger):
    """
    Of 1000 orders every fifth is sent two or three times, with the same id, at the same time or later, by
    stream, by pub/sub and by HTTP: each has one effect, and so has each of the events.
    """
    parked.start()
    ledger.open(*(f"sku-{number}" for number in range(3)))
    senders = Senders(ledger, [])
    deliveries = []
    for number in range(ORDERS):
        command = senders.next_command("http", number)
        ledger.write(command)
        deliveries += [command] * (random.choice([2, 3]) if number % 5 == 0 else 1)
    random.shuffle(deliveries)

    with ledger.listening():
        with ThreadPoolExecutor(4) as pool:
            send = [senders.post, senders.publish, lambda command: senders.add_once(command, STREAM)]
            list(pool.map(lambda command: random.choice(send)(command), deliveries))
        ledger.settle()
        ledger.await_stream(STREAM)
        ledger.check(heard_once=True)
    print(f"{len(ledger.sent)} commands in {len(deliveries)} deliveries")


def test_one_poison_message_among_1000_fails_alone(parked, ledger):
    """The database refuses the line of one order: that one is a dead letter, its 999 neighbours are done."""
    parked.start()
    parked.query("""
        create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'poison' using errcode = '23514'; end $$;
        create trigger poison before insert on order_lines
        for each row when (new.orderid = 'poison') execute function refuse();
    """)
    ledger.open("sku-1", "sku-2")
    senders = Senders(ledger, [])

    with ledger.listening():
        for number in range(NEIGHBOURS):
            ledger.write(senders.next_command(STREAM, number))
        for number, command in enumerate(ledger.sent):
            senders.add(command)
            if number == NEIGHBOURS // 2:
                senders.add(Command(STREAM, "allocate", {"orderid": "poison", "sku": "sku-1", "qty": 1}))
        ledger.settle()
        ledger.await_stream(STREAM)
        ledger.check(heard_once=True, dead_letters=1)
    [(place, outcome, reason, payload, _)] = parked.dead_letters()
    assert (place, outcome) == (parked.prefix + STREAM, "failed")
    assert "poison" in reason and b"poison" in bytes(payload)
