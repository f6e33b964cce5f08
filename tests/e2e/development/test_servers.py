"""scripts/servers.py: what the tests and `./dev` start their servers with."""

import pathlib
import socket
import subprocess
import sys

import servers

SCRIPTS = pathlib.Path(servers.__file__).parent
ASK = """
import random, sys
sys.path.insert(0, sys.argv[1])
import servers
random.randrange = lambda low, high, ports=[*map(int, sys.argv[2:])]: ports.pop(0)
print(servers.free_port())
"""


def asked_by_another_process(*ports):
    """What free_port() returns in another process, which comes upon these ports in this order."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, SCRIPTS, *map(str, ports)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_port_is_not_given_to_two_processes_before_a_server_listens():
    ours, other = servers.free_port(), servers.free_port()
    servers.kept_ports.pop().close()  # the other one is free again

    assert asked_by_another_process(ours, other) == other


def test_a_server_that_sets_so_reuseaddr_can_listen_at_its_port():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", servers.free_port()))
        server.listen()
