"""Tables and verdicts, on standard output and in RESULTS.md, which has a part for each kind of run."""

import re
import statistics

TITLE = "# Results\n\nWritten by `./dev bench --compare` and `./dev bench --flat`; see README.md.\n"
PARTS = ("compare", "flat")


class Ratio:
    """The median of the pairs' ratios, and their range."""

    def __init__(self, values):
        self.median = statistics.median(values)
        self.least, self.most = min(values), max(values)

    def __float__(self):
        return self.median

    def __format__(self, spec):
        return f"{self.median:{spec}} ({self.least:{spec}}..{self.most:{spec}})"


def at_least(what, value, limit, goal=None):
    """One line: the figure, which is a number or a Ratio, the target, and the difference."""
    wanted = f"≥ {limit:g}" + (f", goal {goal:g}" if goal else "")
    outcome = "met" if float(value) >= limit else f"missed by {1 - float(value) / limit:.0%}"
    return f"{what}: {value:.2f}, wanted {wanted}: **{outcome}**"


def at_most(what, value, limit, unit="", goal=None):
    wanted = f"≤ {limit:g}{unit}" + (f", goal {goal:g}{unit}" if goal else "")
    outcome = "met" if float(value) <= limit else f"missed by {float(value) / limit - 1:.0%}"
    return f"{what}: {value:.2f}{unit}, wanted {wanted}: **{outcome}**"


class Table:
    """Rows of text as Markdown, the columns in line; the first to the left, the others to the right."""

    def __init__(self, head):
        self.rows = [head]

    def add(self, row):
        self.rows.append(row)

    def text(self):
        widths = [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]))]
        lines = [self.line(row, widths) for row in self.rows]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        return "\n".join([lines[0], self.line(rule, widths), *lines[1:]])

    @staticmethod
    def line(row, widths):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        return f"| {' | '.join(cells)} |"


def write(results, part, title, lines):
    """Prints the part, and replaces that of an earlier run of its kind in the file."""
    text = "\n".join(lines)
    print(f"\n{title}\n\n{text}", flush=True)
    parts = read(results)
    parts[part] = f"## {title}\n\n{text}\n"
    marked = [f"<!-- {name} -->\n{parts[name]}<!-- end -->\n" for name in PARTS if name in parts]
    results.write_text("\n".join([TITLE, *marked]), encoding="utf-8")


def read(results):
    if not results.exists():
        return {}
    text = results.read_text(encoding="utf-8")
    return dict(re.findall(r"<!-- (\w+) -->\n(.*?)<!-- end -->\n", text, re.DOTALL))
