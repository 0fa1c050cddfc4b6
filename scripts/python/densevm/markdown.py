# SPDX-License-Identifier: GPL-2.0-only
"""Tables and paragraphs in Markdown, and texts of which scripts write a part."""
import os
import shutil

NONE = "not measured"


class MarkerError(Exception):
    """A text has no place, or several, for what should go there."""


def number(value, digits=0, unit=""):
    return NONE if value is None else f"{value:,.{digits}f}{unit}"


def rows(head, body):
    """A table that reads well as plain text, too: the first column left, all others right."""
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]

    def line(cells):
        cells = [cell.ljust(width) if not i else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(cells, widths))]
        return "| " + " | ".join(cells) + " |"

    rule = ["-" * width if not i else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return [line(head), line(rule), *map(line, body)]


def wrap(text, width=100):
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def items(texts, width=98):
    """A list; the texts begin with "- "."""
    wrapped = []
    for text in texts:
        first, *rest = wrap(text, width)
        wrapped += [first, *("  " + line for line in rest)]
    return wrapped


def replaced(path, name, text):
    """The file as it is, and with text between its markers of that name."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    with open(path, encoding="utf-8") as file:
        old = file.read()
    if old.count(begin) != 1 or old.count(end) != 1 or old.index(begin) > old.index(end):
        raise MarkerError(f"{path}: needs one line {begin} and one line {end} after it")
    head, tail = old[:old.index(begin) + len(begin)], old[old.index(end):]
    return old, f"{head}\n{text}{tail}"


def write(path, data):
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(data)
    shutil.copymode(path, path + ".part")
    os.replace(path + ".part", path)
