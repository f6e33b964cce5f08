#!/usr/bin/python3
"""
How evenly CRC-32 divides SKUs over installations and their streams, and what a thousand installations cost.

    divide.py [INSTALLATIONS [STREAMS]]

docs/scaling.md explains the rule, and has what this printed.
"""

import collections
import sys
import zlib

SKUS = 1_000_000

# CPU µs of a message, at messages a second of one installation: docs/scaling.md says where they were measured.
MEASURED = {100: (366, 980, 543), 1_000: (97, 264, 138), 10_000: (33, 71, 42)}


def installation_of(crc, installations):
    """By the high bits, as the low ones choose the stream."""
    return crc * installations >> 32


def stream_of(crc, streams):
    return crc % streams


def most_and_least(counts, places):
    """Of the mean."""
    mean = sum(counts.values()) / places
    least = min(counts.values()) if len(counts) == places else 0
    return f"{max(counts.values()) / mean:.2f} and {least / mean:.2f}"


def print_division(installations, streams):
    crcs = [zlib.crc32(f"SKU-{number:07}".encode()) for number in range(SKUS)]
    by_installation = collections.Counter(installation_of(crc, installations) for crc in crcs)
    by_stream = collections.Counter((installation_of(crc, installations), stream_of(crc, streams)) for crc in crcs)
    by_remainder = collections.Counter((crc % installations, crc % streams) for crc in crcs)
    print(f"{SKUS} SKUs, {installations} installations of {streams} streams; the most and the least of the mean:")
    print(f"  an installation: {most_and_least(by_installation, installations)}")
    print(f"  a stream: {most_and_least(by_stream, installations * streams)}")
    used = len(by_remainder) / installations
    print(f"  with CRC-32 modulo the installations instead, each would use {used:.1f} of its {streams} streams")


def print_cost(installations):
    for rate, parts in MEASURED.items():
        cores = [rate * us / 1e6 for us in parts]
        total = sum(cores)
        print(
            f"{rate} messages/s each, {rate * installations} together:"
            f" {total:.2f} processors each (worker {cores[0]:.2f}, Postgres {cores[1]:.2f}, Redis {cores[2]:.2f}),"
            f" {total * installations:.0f} together"
        )


def main():
    installations, streams = (list(map(int, sys.argv[1:])) + [1000, 8][len(sys.argv) - 1 :])[:2]
    print_division(installations, streams)
    print_cost(installations)


if __name__ == "__main__":
    main()
