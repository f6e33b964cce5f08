#!/usr/bin/python3
"""Tests of bench/report.py: a ratio with its spread, and whether a target is met."""

import sys
import unittest

sys.path.append(sys.argv.pop(1))
sys.dont_write_bytecode = True

import report  # noqa: E402


class Verdicts(unittest.TestCase):
    def test_a_ratio_is_the_median_of_its_pairs_and_shows_the_least_and_the_most(self):
        ratio = report.Ratio([2.0, 4.0, 2.5])

        self.assertEqual(float(ratio), 2.5)
        self.assertEqual(f"{ratio:.2f}", "2.50 (2.00..4.00)")
        self.assertEqual(f"{ratio:.0f}", "2 (2..4)")

    def test_a_target_is_met_at_its_limit(self):
        ratio = report.Ratio([1.5])

        self.assertIn("wanted ≤ 1.5: **met**", report.at_most("p50", ratio, 1.5))
        self.assertIn("wanted ≥ 1.5: **met**", report.at_least("rate", ratio, 1.5))

    def test_the_median_decides_and_a_miss_is_shown_in_percent(self):
        ratio = report.Ratio([1.0, 3.0, 9.0])

        self.assertEqual(
            report.at_most("p99", ratio, 2), "p99: 3.00 (1.00..9.00), wanted ≤ 2: **missed by 50%**"
        )
        self.assertEqual(
            report.at_least("rate", ratio, 4), "rate: 3.00 (1.00..9.00), wanted ≥ 4: **missed by 25%**"
        )

    def test_a_figure_without_pairs_has_its_unit_and_no_spread(self):
        self.assertEqual(
            report.at_most("p50", 2.0, 2.5, " ms", goal=1.5),
            "p50: 2.00 ms, wanted ≤ 2.5 ms, goal 1.5 ms: **met**",
        )


if __name__ == "__main__":
    unittest.main()
