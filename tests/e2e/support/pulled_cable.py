"""
In a separate network namespace (`unshare --net`) a cable can be pulled: packets are then not even
acknowledged, which no proxy can simulate.

    pulled_cable.py FOLDER DATABASE_URL REDIS_SOCKET

runs a worker that reaches Postgres over that cable, pulls it under load, and prints after how many seconds
the worker noticed it. The database's URL names a socket, too: both servers are outside.
"""

import contextlib
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "scripts"))

from installation import Installation, wait_until  # noqa: E402
from proxy import postgres_behind  # noqa: E402
from wires import PostgresWire, Watch  # noqa: E402

CABLE = "10.99.0.1"


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def plug():
    ip(f"address add {CABLE}/32 dev lo")


def pull():
    ip(f"address delete {CABLE}/32 dev lo")
    ip(f"route add blackhole {CABLE}/32")


def plug_again():
    ip(f"route delete blackhole {CABLE}/32")
    plug()


def main():
    folder, database_url, redis_socket = sys.argv[1:]
    ip("link set lo up")
    plug()
    watch = Watch()
    with postgres_behind(database_url, lambda: PostgresWire(watch), CABLE) as proxy:
        allocd = Installation(folder, database_url, f"unix://{redis_socket}")
        with contextlib.closing(allocd):
            allocd.start(DATABASE_URL=proxy.url, REDIS_URL=f"redis+unix://{redis_socket}")
            work_while_it_is_pulled(allocd)


def work_while_it_is_pulled(allocd):
    allocd.stock("sku", batch=10)
    wait_until(lambda: allocd.query("select 1 from batches"), "the first command to be handled")

    pull()
    pulled = time.monotonic()
    allocd.allocate("sku", "meanwhile", 1)
    wait_until(lambda: not allocd.ready(), "the worker to notice")
    print(time.monotonic() - pulled)

    plug_again()
    wait_until(allocd.ready, "readiness to return")
    wait_until(lambda: allocd.query("select 1 from order_lines"), "the command of meanwhile to be handled")


main()
