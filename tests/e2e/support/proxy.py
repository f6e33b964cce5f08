"""
A proxy between the worker and a server: it parses the traffic, and can hold it, cut it or swallow it.

A thread of the proxy forwards what either end sends, message by message, at once. A watcher is called before
and after each message, and may hold the connection on the spot.
"""

import asyncio
import collections
import threading
import urllib.parse

import psycopg2.extensions
import servers

REQUEST, REPLY = "request", "reply"


class Proxy:
    """
    Listens on a port of `host` and connects each client to `upstream`: the path of a socket, or (host,
    port). `wire()` makes the parser of a connection, which splits its bytes into messages; see wires.py.
    """

    def __init__(self, upstream, wire):
        self.upstream = upstream
        self.wire = wire
        self.host = "127.0.0.1"
        self.port = servers.free_port()
        self.relays = set()
        self.is_silent = False
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.call(self.listen())
        return self

    def __exit__(self, *_):
        self.do(self.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def listen(self):
        self.server = await self.loop.create_server(lambda: Relay(self), self.host, self.port)

    def close(self):
        self.server.close()
        self.cut_all()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def do(self, act, *arguments):
        """Calls act(*arguments) in the proxy's thread, which does all of its work, and waits for the result."""

        async def act_there():
            return act(*arguments)

        return self.call(act_there())

    # Functions for any thread.

    def swallow(self):
        """From now on every connection, old and new, is silent, and none is closed."""
        self.do(self.fall_silent)

    def heal(self):
        """New connections work again; old ones stay dead."""
        self.is_silent = False

    def cut(self):
        self.do(self.cut_all)

    def release(self, relay):
        self.do(relay.release)

    # Functions for the proxy's thread.

    def fall_silent(self):
        self.is_silent = True
        for relay in self.relays:
            relay.is_silent = True

    def cut_all(self):
        for relay in list(self.relays):
            relay.cut()


class Relay(asyncio.Protocol):
    """One connection of the worker, at the worker's end."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.wire = proxy.wire()
        self.ends = {REQUEST: None, REPLY: None}  # the receivers of requests and of replies
        self.waiting = {REQUEST: collections.deque(), REPLY: collections.deque()}
        self.is_held = False
        self.is_silent = proxy.is_silent

    def connection_made(self, transport):
        self.ends[REPLY] = transport
        self.proxy.relays.add(self)
        if not self.is_silent:
            self.connecting = self.proxy.loop.create_task(self.connect())

    async def connect(self):
        loop, upstream = self.proxy.loop, self.proxy.upstream
        try:
            if isinstance(upstream, tuple):
                await loop.create_connection(lambda: FarEnd(self), *upstream)
            else:
                await loop.create_unix_connection(lambda: FarEnd(self), upstream)
        except OSError:
            self.cut()

    def connected(self, transport):
        self.ends[REQUEST] = transport
        if self not in self.proxy.relays:  # the worker has gone meanwhile
            transport.close()
        self.pass_on(REQUEST)

    def data_received(self, data):
        self.take(REQUEST, data)

    def connection_lost(self, _):
        self.close()

    def take(self, way, data):
        if self.is_silent:
            return
        self.waiting[way].extend(self.wire.messages(way, data))
        self.pass_on(way)

    def pass_on(self, way):
        waiting, end = self.waiting[way], self.ends[way]
        while waiting and end and not end.is_closing() and not self.is_held:
            self.wire.before(self, way, waiting[0])
            if self.is_held or not waiting:
                return
            message = waiting.popleft()
            end.write(message)
            self.wire.after(self, way, message)

    # Functions for watchers.

    def hold(self):
        """Nothing passes until it is released; the watcher is then called again for the held message."""
        self.is_held = True

    def release(self):
        self.is_held = False
        for way in self.waiting:
            self.pass_on(way)

    def cut(self, way=None, rest=b""):
        """Closes both ends, after it has sent `rest`."""
        if rest and self.ends[way]:
            self.ends[way].write(rest)
        self.close()

    def close(self):
        self.proxy.relays.discard(self)
        for waiting in self.waiting.values():
            waiting.clear()
        for end in self.ends.values():
            if end:
                end.close()


class FarEnd(asyncio.Protocol):
    """The server's end of a relay."""

    def __init__(self, relay):
        self.relay = relay

    def connection_made(self, transport):
        self.relay.connected(transport)

    def data_received(self, data):
        self.relay.take(REPLY, data)

    def connection_lost(self, _):
        self.relay.close()


def postgres_behind(url, wire, listen_on="127.0.0.1"):
    """A proxy before that server; its `url` leads through it, without TLS, so that the proxy can read the traffic."""
    options = psycopg2.extensions.parse_dsn(url)
    host, port = options.get("host", "localhost"), options.get("port", "5432")
    proxy = Proxy(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(port)), wire)
    proxy.host = listen_on
    proxy.url = psycopg2.extensions.make_dsn(
        url, host=proxy.host, port=proxy.port, sslmode="disable", gssencmode="disable"
    )
    return proxy


def redis_behind(url, wire):
    parts = urllib.parse.urlsplit(url)
    proxy = Proxy((parts.hostname, parts.port or 6379), wire)
    userinfo = parts.netloc.rpartition("@")[0]
    netloc = f"{userinfo}@127.0.0.1:{proxy.port}".lstrip("@")
    proxy.url = urllib.parse.urlunsplit(parts._replace(netloc=netloc))
    return proxy
