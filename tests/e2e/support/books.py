"""What a documented listener knows of the lines and their batches."""

import contextlib
import threading

import servers
from installation import wait_until


class Books:
    """What a documented listener says that it acted on."""

    def __init__(self, listener):
        self.lines, self.undone = [], 0
        self.thread = threading.Thread(target=self.read, args=(listener.stdout,), daemon=True)
        self.thread.start()

    def read(self, output):
        for line in output:
            words = line.split()
            if words[0] == "undo":
                self.lines.remove(words[1:])
                self.undone += 1
            else:
                self.lines.append(words)

    def balance(self):
        """Each order's batch, from the events in the order of their versions; no two may be of one version."""
        batches, versions = {}, set()
        for name, order, batch, version in sorted(self.lines, key=lambda line: int(line[3])):
            sku = order.split("/")[0]
            assert (sku, version) not in versions, self.lines
            versions.add((sku, version))
            if name == "line_allocated":
                batches[order] = batch
            elif name in ("line_deallocated", "line_shipped"):
                assert batches.pop(order, None) == batch, self.lines
        return batches


def truth(allocd):
    return dict(allocd.query("select orderid, batchref from allocations_view"))


def await_balance(books, allocd):
    with contextlib.suppress(servers.ServerError):  # the comparison says more
        wait_until(lambda: books.balance() == truth(allocd), "the books to balance")
    assert books.balance() == truth(allocd)
