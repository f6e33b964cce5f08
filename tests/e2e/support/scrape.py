"""What GET /metrics says, parsed as Prometheus does."""

import re

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
OF_HISTOGRAM = re.compile("_(bucket|sum|count)$")


class Scrape:
    """One answer. `types` and `helps` are by metric; `values` by the name of a sample and its labels."""

    def __init__(self, allocd):
        self.types, self.helps, self.labels, self.values = {}, {}, {}, {}
        for line in allocd.get("/metrics").text.splitlines():
            if line.startswith("# "):
                _, what, name, rest = line.split(" ", 3)
                (self.types if what == "TYPE" else self.helps)[name] = rest
            else:
                self.add(line)

    def add(self, line):
        name, labels, value = SAMPLE.fullmatch(line).groups()
        labels = dict(LABEL.findall(labels or ""))
        self.values[name, frozenset(labels.items())] = float(value)
        metric = OF_HISTOGRAM.sub("", name) if name not in self.types else name
        assert metric in self.types, f"{line}: of no type"
        self.labels[metric] = {label for label in labels if label != "le"}

    def value(self, name, **labels):
        return self.values[name, frozenset(labels.items())]

    def total(self, name, **labels):
        """The sum over all series that have these labels."""
        return sum(
            value for (of, all_of), value in self.values.items() if of == name and labels.items() <= dict(all_of).items()
        )

    def with_value(self, name, value):
        """The labels of the series of this sample that have the value."""
        return [labels for (of, labels), is_value in self.values.items() if of == name and is_value == value]
