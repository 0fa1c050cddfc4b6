# SPDX-License-Identifier: GPL-2.0-only
"""Drawings in SVG."""
from xml.sax.saxutils import escape

# Told apart with any colour vision (Okabe and Ito).
BLUE, ORANGE, GREEN, SKY, PURPLE, GREY = ("#0072B2", "#E69F00", "#009E73", "#56B4E9", "#CC79A7",
                                          "#7F7F7F")
FONT = 'font-family="DejaVu Sans, Verdana, sans-serif"'


class Drawing:
    """A list of SVG elements."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.parts = []

    def rect(self, left, top, width, height, colour):
        self.parts.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
                          f'height="{height:.1f}" fill="{colour}"/>')

    def line(self, x_from, y_from, x_to, y_to, colour="#D0D0D0", width=1):
        self.parts.append(f'<line x1="{x_from:.1f}" y1="{y_from:.1f}" x2="{x_to:.1f}" '
                          f'y2="{y_to:.1f}" stroke="{colour}" stroke-width="{width}"/>')

    def dot(self, x_pos, y_pos, colour):
        self.parts.append(f'<circle cx="{x_pos:.1f}" cy="{y_pos:.1f}" r="4" fill="{colour}"/>')

    def text(self, x_pos, y_pos, text, size=12, anchor="middle", weight="normal", colour="#222222"):
        for number, line in enumerate(text.split("\n")):
            self.parts.append(f'<text x="{x_pos:.1f}" y="{y_pos + number * size * 1.2:.1f}" {FONT} '
                              f'font-size="{size}" font-weight="{weight}" fill="{colour}" '
                              f'text-anchor="{anchor}">{escape(line)}</text>')

    def svg(self, title):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
                f'width="{self.width}" height="{self.height}" role="img">\n'
                f'<title>{escape(title)}</title>\n'
                f'<rect width="{self.width}" height="{self.height}" fill="#FFFFFF"/>\n'
                + "\n".join(self.parts) + "\n</svg>\n")
