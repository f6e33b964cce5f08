#!/usr/bin/python3
"""Judges what the program reads of payloads by a second reader, Python's own.

    judge.py VERDICTS SCHEMAS FOLDER…

VERDICTS is the program of tests/unit/codec/verdicts.c. Each input of the folders, behind its tag, and some that differ
from it in a byte or two, are read as every message: the program must read the same as Python, or refuse the payload
because of a member that Python refuses, too.
"""

import pathlib
import random
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "unit" / "codec"))
import second_reader  # noqa: E402
from schema_payloads import damaged, SCHEMAS  # noqa: E402

SEED = 20260101
DAMAGED = 3  # of each input
TOGETHER = 500  # payloads that the program is asked about at once
SHOWN = 20


def payloads(folders):
    rng = random.Random(SEED)
    for folder in folders:
        for path in sorted(pathlib.Path(folder).iterdir()):
            raw = path.read_bytes()[1:]
            yield path, raw
            for _ in range(DAMAGED if raw else 0):
                yield path, damaged(raw, rng)


def difference(name, raw, answer):
    """Returns whether the payload is a message, and what is wrong with the program's answer, or None."""
    expected, places = second_reader.verdict(name, raw)
    if not places:
        wrong = {key: (value, answer.get(key)) for key, value in expected.items() if answer.get(key) != value}
        return True, f"(Python's, ours): {wrong or answer}" if wrong or "error" in answer else None
    named = answer.get("error", "nothing").split(":")[0]
    return False, None if named in places else f"Python refuses {', '.join(sorted(places))}; ours: {answer}"


def main(folders):
    drafts = [(path, name, raw) for path, raw in payloads(folders) for name in SCHEMAS]
    good, wrong = 0, []
    for first in range(0, len(drafts), TOGETHER):
        part = drafts[first : first + TOGETHER]
        for (path, name, raw), answer in zip(part, second_reader.ask([draft[1:] for draft in part])):
            is_good, what = difference(name, raw, answer)
            good += is_good
            if what:
                wrong.append(f"{path} as {name}: {raw[:300]!r}: {what}")
    print(*wrong[:SHOWN], sep="\n", end="\n" if wrong else "")
    print(f"{len(drafts)} payloads, of which {good} are messages, {len(wrong)} judged otherwise by Python")
    return 0 if good and not wrong else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[3:]))
