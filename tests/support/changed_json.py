"""A JSON document with one change, for tests of what finds the change."""

import copy


def with_change(document, path, value):
    """Returns a copy with that value at the path, a list of names.  The value None removes the last name."""
    document = copy.deepcopy(document)
    *parents, last = path
    there = document
    for name in parents:
        there = there[name]
    if value is None:
        del there[last]
    else:
        there[last] = value
    return document
