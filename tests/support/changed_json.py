"""A JSON document with one change, for tests of what finds the change."""

import copy


def with_change(document, path, value):
    """A copy with another value at that path, a list of names; or without what is there, if `value` is None."""
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
