"""The story of a run: what happened when, what followed, and one table."""

import itertools


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def story(incidents, begin, rows=()):
    """One line for each fault, in the order in which they began, from that time on, with the longest pause of the rows."""
    for incident in incidents:
        pauses = [(pause[0], row.name) for row in rows if (pause := row.pause(incident.begin, incident.end))]
        text = " The longest pause meanwhile: {:.1f} s, {}.".format(*max(pauses)) if pauses else ""
        yield f"{clock((incident.begin - begin).total_seconds()):>6}  {incident.text()}{text}"


def summary(verdict, incidents, begin):
    """The table, what is allowed, what is wrong, and the closing line."""
    if verdict.rows:
        yield from table(verdict, incidents, begin)
    for row in verdict.rows:
        if row.allowed:
            yield allowed(row, begin)
    for trouble in verdict.troubles:
        yield f"WRONG: {trouble}"
    yield closing(verdict, incidents)


HEADINGS = ("", "sent", "lost", "doubled", "out of order", "longest pause")


def table(verdict, incidents, begin):
    lines = [HEADINGS, *(cells(row, incidents, begin) for row in verdict.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    for line in lines:
        first, *numbers, last = (cell.rjust(width) for cell, width in zip(line, widths))
        yield "  ".join([first.strip().ljust(widths[0]), *numbers, last.strip()])


def cells(row, incidents, begin):
    pause = "-"
    if longest := row.pause():
        seconds, since, until = longest
        pause = f"{seconds:.1f} s at {clock((since - begin).total_seconds())}, {during(incidents, since, until)}"
    return row.name, str(row.sent), str(row.lost), str(row.doubled), str(row.out_of_order), pause


def during(incidents, since, until):
    names = [incident.name for incident in incidents if incident.overlaps(since, until)]
    return f"during {' and '.join(dict.fromkeys(names))}" if names else "during no fault"


def allowed(row, begin):
    if row.name == "events":
        what = "Events that were missing in the stream of events, or came twice, around a failover of Redis"
        why = 'The database has each once (README, "A Redis that lost its data").'
    else:
        what = f"Commands of {row.name} that were lost within a fault"
        why = 'See README, "Pub/sub in is at most once".'
    return f"{what}: {len(row.allowed)}, {', '.join(windows(row.allowed, begin))}. {why}"


def windows(times, begin):
    """How many there are from which time on; those that are at most a second apart are one window."""
    times = sorted((each - begin).total_seconds() for each in times)
    starts = [number for number, each in enumerate(times) if number == 0 or each - times[number - 1] > 1]
    for start, end in itertools.pairwise([*starts, len(times)]):
        yield f"{end - start} at {clock(times[start])}"


def closing(verdict, incidents):
    sent = sum(row.sent for row in verdict.rows if row.name != "events")
    counts = f"{sent} commands, " * bool(verdict.rows) + f"{len(incidents)} fault{'s' * (len(incidents) != 1)}"
    return f"{counts}: " + ("nothing was lost, doubled or out of order." if verdict.is_kept() else "NOT as promised.")
