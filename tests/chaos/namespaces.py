"""
Namespaces of Linux in which a run has a network, mounts and processes of its own: all of them end with the run, however it
ends, and the machine sees none of them. Root is not needed where the kernel lets users make namespaces.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import servers

NET = "10.213"
DATABASES = f"{NET}.1.0/24"
DATABASE_ADDRESSES = (f"{NET}.1.1", f"{NET}.1.2")
REDIS_NETWORK = f"{NET}.2.0/24"
REDIS_ADDRESS = f"{NET}.2.1"


def words_to_enter():
    """The command that runs another one in new namespaces, which end at once when this process ends."""
    rights = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    kinds = ["--net", "--ipc", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *rights, *kinds]


TRIED = (
    "ip link set lo up && ip link add cable type veth peer name eth0 && mount -t tmpfs allocd-chaos /dev/shm"
    " && mount -o remount,size=1m /dev/shm"
)


def why_not():
    """Why this machine lets us make none; None if it does."""
    try:
        done = subprocess.run([*words_to_enter(), "sh", "-c", TRIED], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["unshare failed"])[-1]


def run_inside(arguments, variables):
    """Runs this program again in namespaces of its own, and returns its status. Signals are forwarded."""

    def forward(number, _frame):
        with contextlib.suppress(OSError, IndexError):
            children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text(encoding="ascii")
            os.kill(int(children.split()[0]), number)

    with servers.signals_wait() as handlers:
        outer = subprocess.Popen([*words_to_enter(), sys.executable, *arguments], env={**os.environ, **variables})
        handlers |= dict.fromkeys(servers.ENDING, forward)
    status = outer.wait()
    return status if status >= 0 else 128 - status


def ip(words, prefix=()):
    subprocess.run([*prefix, "ip", *words.split()], check=True)


def prepare():
    """What a run inside needs: memory that is its own, and the addresses of the servers."""
    subprocess.run(["mount", "-t", "tmpfs", "allocd-chaos", servers.IN_MEMORY], check=True)
    ip("link set lo up")
    for address in (*DATABASE_ADDRESSES, REDIS_ADDRESS):
        ip(f"address add {address}/32 dev lo")


class Machine:
    """A network namespace for one worker, with a cable to the servers."""

    def __init__(self, number):
        self.cable = f"cable{number}"
        self.far, self.address = (f"{NET}.{10 + number}.{end}" for end in (1, 2))

    def __enter__(self):
        with servers.signals_wait():
            self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], start_new_session=True)
        servers.wait_until(self.is_made, "a network namespace", 10)
        self.words = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        ip(f"link add {self.cable} type veth peer name eth0 netns {self.holder.pid}")
        ip(f"address add {self.far}/30 dev {self.cable}")
        ip(f"link set {self.cable} up")
        for words in ("link set lo up", f"address add {self.address}/30 dev eth0", "link set eth0 up"):
            ip(words, self.words)
        ip(f"route add default via {self.far}", self.words)
        return self

    def __exit__(self, *_):
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()

    def is_made(self):
        """Whether `unshare` has become `sleep`, in a namespace that is not ours."""
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net") and (
                pathlib.Path(f"/proc/{self.holder.pid}/comm").read_text(encoding="utf-8").strip() == "sleep"
            )
        return False

    def unplug(self):
        ip(f"link set {self.cable} down")

    def plug(self):
        ip(f"link set {self.cable} up")

    def cut_off(self, network):
        """Packets to that network are lost: they arrive at our own loopback, which is no router."""
        ip(f"route add {network} dev lo", self.words)

    def connect(self, network):
        ip(f"route delete {network} dev lo", self.words)


class Disk:
    """A file system in memory, which can be full without a byte that fills it."""

    SPARE = 64 << 10

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.path.mkdir(mode=0o755)
        self.mount("allocd-chaos", "-t", "tmpfs", "-o", "mode=755,size=50%")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.path], check=True)

    def mount(self, *words):
        subprocess.run(["mount", *words, self.path], check=True, capture_output=True)

    def fill(self):
        """What is written meanwhile may need more than was just seen."""

        def is_filled():
            state = os.statvfs(self.path)
            used = (state.f_blocks - state.f_bfree) * state.f_frsize
            with contextlib.suppress(subprocess.CalledProcessError):
                self.mount("-o", f"remount,size={used + self.SPARE}")
                return True
            return False

        servers.wait_until(is_filled, f"{self.path} to be full", 10)

    def free(self):
        self.mount("-o", "remount,size=50%")
