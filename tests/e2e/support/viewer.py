"""A client of /admin/live: reads server-sent events in a thread of its own."""

import contextlib
import http.client
import json
import socket
import threading

import requests
from installation import TIMEOUT_S, wait_until


class Viewer:
    def __init__(self, response):
        self.response, self.seen, self.is_ended, self.last_id = response, [], False, None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        name, data = "message", ""
        with contextlib.suppress(OSError, http.client.HTTPException):
            for line in self.response:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data = value
                elif field == "id":
                    self.last_id = value
                elif not field and data:
                    self.seen.append((name, json.loads(data)))
                    name, data = "message", ""
        self.is_ended = True

    def all(self, name):
        return [data for event, data in self.seen if event == name]

    def orders(self):
        return [event["data"]["orderid"] for event in self.all("event")]

    def end(self):
        return ", and the stream has ended" if self.is_ended else ""

    def awaits(self, name):
        return wait_until(lambda: self.all(name), lambda: f"{name} among {self.seen}{self.end()}")[0]

    def awaits_orders(self, *orders):
        """Of one SKU."""
        wait_until(lambda: self.orders() == list(orders), lambda: f"{orders}; seen: {self.seen}{self.end()}")

    def awaits_orders_of_any_sku(self, *orders):
        """Events of different SKUs go out in any order."""
        wait_until(lambda: sorted(self.orders()) == list(orders), lambda: f"{orders}; seen: {self.seen}{self.end()}")

    def awaits_end(self):
        wait_until(lambda: self.is_ended, "the stream to end")


def ask(allocd, query="", **headers):
    """The answer, of which nothing but the head is read."""
    return requests.get(allocd.url(f"/admin/live?{query}"), headers=headers, stream=True, timeout=TIMEOUT_S)


@contextlib.contextmanager
def watching(allocd, query="topics=events", **headers):
    """requests would wait for the next bytes before it closes a connection that another thread reads."""
    connection = http.client.HTTPConnection(allocd.http, timeout=TIMEOUT_S)
    connection.request("GET", f"/admin/live?{query}", headers=headers)
    there = connection.sock
    response = connection.getresponse()
    assert response.status == 200, response.read()
    yield Viewer(response)
    with contextlib.suppress(OSError):
        there.shutdown(socket.SHUT_RDWR)
