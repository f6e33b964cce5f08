#!/usr/bin/python3
"""Measures allocd on private, durable servers, or those of DATABASE_URL and REDIS_URL; ./dev bench calls it.

    run.py [arguments of `allocd-bench`]                       one run against a worker with default settings
    run.py --compare [--pairs N] [--quick] [--peers] [--messages N]
                                                               against pgbench and others; writes RESULTS.md
    run.py --flat [--pairs N] [--lines N]                      the cost of a message as tables grow; the same
"""

import argparse
import pathlib
import subprocess
import sys

import place
import servers


def run_bench(arguments):
    """Runs allocd-bench on a worker of its own; returns its exit status."""
    with (
        servers.environment(None, durable=True) as urls,
        place.connected(urls["DATABASE_URL"]) as server,
        place.fresh_database(server) as database_url,
        place.worker_on(database_url, urls["REDIS_URL"]) as worker,
    ):
        command = [place.bench_program(), *arguments]
        return subprocess.run(command, env=worker.environment, check=False).returncode


def run_compare(arguments):
    import compare

    parser = argparse.ArgumentParser(prog="./dev bench --compare")
    parser.add_argument("--pairs", type=positive, help="rounds (default 5; with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="short pieces, to see that it works")
    parser.add_argument("--peers", action="store_true", help="also against workers on Node, whose packages npm installs")
    parser.add_argument("--messages", type=positive, help="of a piece of this worker's (default 100000)")
    add_results(parser)
    options = parser.parse_args(arguments)
    options.pairs = options.pairs or (1 if options.quick else 5)
    compare.main(options)
    return 0


def run_flat(arguments):
    import flat

    parser = argparse.ArgumentParser(prog="./dev bench --flat")
    parser.add_argument("--pairs", type=positive, default=5, help="rounds of the timing")
    parser.add_argument("--lines", type=positive, default=flat.FULL, help="in the large database")
    add_results(parser)
    flat.main(parser.parse_args(arguments))
    return 0


def add_results(parser):
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="the file that is written")


def positive(text):
    if int(text) < 1:
        raise ValueError
    return int(text)


RESULTS = pathlib.Path(__file__).resolve().parent / "RESULTS.md"
MODES = {"--compare": run_compare, "--flat": run_flat}


def main(arguments):
    servers.end_in_order_on_signals()
    mode = next((name for name in MODES if name in arguments), None)
    try:
        if not mode:
            return run_bench(arguments)
        arguments.remove(mode)
        return MODES[mode](arguments)
    except (place.BenchError, servers.ServerError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
