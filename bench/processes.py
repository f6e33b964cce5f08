"""CPU time of processes on this machine, from /proc."""

import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def fields_of(pid):
    """The fields of /proc/PID/stat from the third on; the name before them may contain any characters."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def cpu_seconds(pid, with_ended_children=False):
    user, system, ended_user, ended_system = map(int, fields_of(pid)[11:15])
    return (user + system + with_ended_children * (ended_user + ended_system)) / TICKS


def parent_of(pid):
    return int(fields_of(pid)[1])


def server_cpu_seconds(postmaster):
    """The CPU time of all its processes, including those that ended."""
    seconds = cpu_seconds(postmaster, with_ended_children=True)
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if parent_of(entry) == postmaster:
                seconds += cpu_seconds(entry)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it just ended
    return seconds
