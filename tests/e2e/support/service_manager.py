"""A service manager such as systemd, as far as a service sees it: the socket of sd_notify(3)."""

import contextlib
import socket
import threading
import time

from installation import unique, wait_until


class ServiceManager:
    """Keeps the lines that it received."""

    def __init__(self, receiver, name):
        self.receiver = receiver
        self.settings = {"NOTIFY_SOCKET": name}
        self.lines = []  # (when, line)

    def receive(self):
        while datagram := self.receiver.recv(65536):
            self.lines += [(time.monotonic(), line) for line in datagram.decode().splitlines()]

    def values(self, key, since=0.0):
        """The values of this key, from that moment on."""
        return [line.partition("=")[2] for when, line in list(self.lines) if line.startswith(f"{key}=") and when > since]

    def status(self):
        """The last one; empty before the first."""
        return (self.values("STATUS") or [""])[-1]

    def await_status(self, part):
        wait_until(lambda: part in self.status(), f"the status {part!r}")

    def await_again(self, key):
        """Waits until this key is received once more."""
        now = time.monotonic()
        wait_until(lambda: self.values(key, now), f"another {key}")


@contextlib.contextmanager
def service_manager(folder, is_abstract=False):
    path = str(folder / "notify")
    name = f"@{unique('allocd-notify')}" if is_abstract else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name[1:]}" if is_abstract else path)
        manager = ServiceManager(receiver, name)
        thread = threading.Thread(target=manager.receive)
        thread.start()
        try:
            yield manager
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.sendto(b"", receiver.getsockname())  # an empty datagram ends the thread
            thread.join()
