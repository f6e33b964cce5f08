#!/usr/bin/python3
"""Tests of scripts/plain_english.py: turns of phrase that it refuses, and sentences that it must accept."""

import pathlib
import sys
import tempfile
import unittest

sys.path.append(sys.argv.pop(1))
sys.dont_write_bytecode = True

import plain_english  # noqa: E402

# Written apart, or the check would find them here.
REFUSED = {
    "a.c": [
        "/* After so " + "many units the lane locks. */",
        "/* Who" + "ever reads it frees it. */",
        '\tLOG(logger, "some' + 'body else was faster");',
        "START_TEST(a_client_is_" + "told)",
        "/* But" + " those in flight. */",
        "/* The value, or -1 where there is no" + "ne: a number that is no" + "ne. */",
        "/* The shrink goes " + "on. */",
    ],
    "a.py": ["# It waits for " + "ever.", "def test_no" + "body_waits():", '"""Words for ' + 'who reads them."""'],
    "a.md": ["The client is " + "told to retry.", "What" + "ever it is."],
    "a.sql": ["-- The row of who" + "ever holds it."],
}
ACCEPTED = {
    "a.c": [
        "/* There are as many as fit, and so many that it overflows. */",
        '\tchar *user = "nobody";',
        '#include "whatever.h"',
        "/* None of them is left, and attempts made so far. */",
        "/* Lines that go on one stream stay in order. */",
    ],
    "a.py": ["# The user 'nobody' runs it.", "names = {'whatever': 1}"],
    "a.md": ["Run `whoever`, or [somebody](somebody.md).", "```\nwhatever\n```"],
}


def faults_of(name, text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        path.write_text(text + "\n", encoding="utf-8")
        return list(plain_english.faults(path))


class PlainEnglish(unittest.TestCase):
    def test_a_tic_is_found_with_its_line_and_advice(self):
        for name, lines in REFUSED.items():
            for line in lines:
                with self.subTest(line):
                    found = faults_of(name, "\n\n" + line)

                    self.assertTrue(found)
                    self.assertTrue(all(number == 3 and advice for number, _, advice in found))

    def test_a_plain_sentence_a_name_and_quoted_code_are_accepted(self):
        for name, lines in ACCEPTED.items():
            for line in lines:
                with self.subTest(line):
                    self.assertEqual(faults_of(name, line), [])


if __name__ == "__main__":
    unittest.main()
