#!/usr/bin/python3
"""Judges what the program reads of the outbox's frames, and the rows that it writes, by a second reader and writer.

    judge_rows.py FRAMES SCHEMAS FOLDER…

FRAMES is the program of frames.c. Each input of the folders, and some that differ from it in a byte or two, and frames
that are made of known and unknown events, so that they fill several rows, are read by both: all must be the same.
"""

import pathlib
import random
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "unit" / "codec"))
from schema_payloads import damaged, SCHEMAS  # noqa: E402

SEED = 20260101
DAMAGED = 20  # of each input
MADE = 300  # frames
ROW_MAX = 16128  # bytes of a row, see outbox_frame.h
NAMES = [name.encode() for name in SCHEMAS]
UNKNOWN = [b"", b"ships", b"SHIP", b"ship\0", b"\xff" * 255]
SHOWN = 20


def framed(name, payload):
    return bytes([len(name)]) + name + len(payload).to_bytes(4, "big") + payload


def events_of(frame):
    """(name, start of the payload, its size) of each event; None if the bytes are no frame."""
    events, at = [], 0
    while at < len(frame):
        start = at + 1 + frame[at] + 4
        if start > len(frame):
            return None
        size = int.from_bytes(frame[start - 4 : start], "big")
        if start + size > len(frame):
            return None
        events.append((frame[at + 1 : start - 4], start, size))
        at = start + size
    return events


def rows_of(frame, events):
    """The known events in as many rows as they need: one ends where the next event would make it too large."""
    rows = []
    for name, start, size in events:
        event = framed(name, frame[start : start + size])
        if name not in NAMES:
            continue
        if rows and len(rows[-1]) + len(event) <= ROW_MAX:
            rows[-1] += event
        else:
            rows.append(event)
    return rows


def expected(frame):
    events = events_of(frame)
    if events is None:
        return [b"no frame"]
    shown = (b"%b@%d+%d " % (name if name in NAMES else b"?", start, size) for name, start, size in events)
    return [b"events: " + b"".join(shown), *rows_of(frame, events)]


def made(rng):
    """A frame whose events fill rows to the last byte, or to one less or more, where chance wants it."""
    frame, row = b"", 0
    for _ in range(rng.randrange(1, 12)):
        name = rng.choice(NAMES if rng.random() < 0.8 else UNKNOWN)
        rest = max(ROW_MAX - row - len(framed(name, b"")), 0)
        size = max(rng.choice([0, 1, 300, 5000, ROW_MAX, rest - 1, rest, rest + 1]), 0)
        event = framed(name, rng.randbytes(size))
        frame += event
        if name in NAMES:
            row = row + len(event) if row + len(event) <= ROW_MAX else len(event)
    return frame


def frames(folders):
    rng = random.Random(SEED)
    for folder in folders:
        for path in sorted(pathlib.Path(folder).iterdir()):
            raw = path.read_bytes()
            yield raw
            yield from (damaged(raw, rng) for _ in range(DAMAGED if raw else 0))
    yield from (made(rng) for _ in range(MADE))


def pieces_of(answers):
    """The pieces of each answer, see frames.c."""
    at, pieces = 0, []
    while at < len(answers):
        size = int.from_bytes(answers[at : at + 4], sys.byteorder)
        at += 4 + size
        if size:
            pieces.append(answers[at - size : at])
        else:
            yield pieces
            pieces = []


def ask(program, questions):
    given = b"".join(len(frame).to_bytes(4, sys.byteorder) + frame for frame in questions)
    return list(pieces_of(subprocess.run([program], input=given, stdout=subprocess.PIPE, check=True).stdout))


def main(program, folders):
    questions = list(frames(folders))
    answers = ask(program, questions)
    wrong = [frame for frame, answer in zip(questions, answers) if answer != expected(frame)]
    good = sum(events_of(frame) is not None for frame in questions)
    rows = sum(len(answer) - 1 for answer in answers)
    for frame in wrong[:SHOWN]:
        print(f"{frame[:300]!r}")
    same = len(answers) == len(questions)
    print(f"{len(questions)} pieces, of which {good} are frames, {len(wrong)} judged otherwise by Python; {rows} rows")
    return 0 if good and same and not wrong else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[3:]))
