# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table that bench.py prints: a row a measure, a column a mailer. Postern's is the
value, the others stand as ratios to it: 2.00 is twice as much."""

import statistics

WIDE = 32


def seconds(value):
    if value < 0.01:
        return f"{value * 1000:.2f} ms"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def memory(kib):
    return f"{kib / 1024:.1f} M"


def rate(value):
    return f"{value:.0f} /s" if value >= 100 else f"{value:.1f} /s"


def ratio(value):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def say(text=""):
    print(text, flush=True)


def median(figures, attribute):
    """None: none has it."""
    values = [getattr(f, attribute) for f in figures if getattr(f, attribute) is not None]
    return statistics.median(values) if values else None


class Table:
    """names: of the mailers; the first is the one that the others are compared with."""

    def __init__(self, names):
        self.names = names
        self.width = 1 + max(7, *map(len, names))

    def head(self):
        say()
        say(f"{'':{WIDE}}" + "".join(f"{name:>{self.width}}" for name in self.names))

    def group(self, title):
        say(title)

    def row(self, label, values, unit):
        """values: by name. None: not measured. unit None: all as they are, no ratio. A text
        is printed as it is."""
        cells = []
        base = values.get(self.names[0])
        for name in self.names:
            value = values.get(name)
            if value is None:
                cells.append("-")
            elif isinstance(value, str):
                cells.append(value)
            elif not unit:
                cells.append(format(round(value, 2), "g"))
            elif name == self.names[0]:
                cells.append(unit(value))
            elif isinstance(base, (int, float)) and base > 0:
                cells.append(ratio(value / base))
            else:
                cells.append(unit(value).replace(" ", ""))
        say(f"{'   ' + label:{WIDE}}" + "".join(f"{c:>{self.width}}" for c in cells))

    def rows(self, results, wanted):
        """results: figures by name. wanted: label, attribute and unit of each row."""
        for label, attribute, unit in wanted:
            self.row(label, {name: median(f, attribute) for name, f in results.items()}, unit)
