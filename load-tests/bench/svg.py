"""A small writer of SVG: shapes and texts of a chart, and scales from values to pixels. Light background, colours that colour-blind people
can tell apart (Okabe and Ito)."""

import math
from xml.sax.saxutils import escape

BLUE, ORANGE, GREEN, PURPLE, SKY, GREY, INK, PALE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#6E6E6E", "#1A1A1A", "#E4E4E4"
FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
CHAR = 0.56  # width of a character of this font, in parts of its size, on average


class Drawing:
    def __init__(self, width, height, title):
        self.width, self.height, self.title, self.parts = width, height, title, []

    def add(self, tag, text=None, **attributes):
        words = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(str(value), {chr(34): "&quot;"})}"' for name, value in attributes.items())
        self.parts.append(f"<{tag}{words}/>" if text is None else f"<{tag}{words}>{escape(text)}</{tag}>")

    def text(self, x, y, text, size=13, anchor="start", fill=INK, weight="normal"):
        self.add("text", text, x=number(x), y=number(y), font_size=size, text_anchor=anchor, fill=fill, font_weight=weight)

    def line(self, x1, y1, x2, y2, stroke=INK, width=1.0, dash=None):
        more = {"stroke_dasharray": dash} if dash else {}
        self.add("line", x1=number(x1), y1=number(y1), x2=number(x2), y2=number(y2), stroke=stroke, stroke_width=width, **more)

    def rect(self, x, y, width, height, fill, stroke="none", opacity=1.0):
        more = {"fill_opacity": opacity} if opacity < 1 else {}
        self.add("rect", x=number(x), y=number(y), width=number(max(width, 0)), height=number(height), fill=fill, stroke=stroke, **more)

    def path(self, points, stroke="none", fill="none", opacity=1.0, close=False):
        steps = " ".join(f"{'ML'[i > 0]}{number(x)} {number(y)}" for i, (x, y) in enumerate(points))
        self.add("path", d=steps + " Z" * close, stroke=stroke, fill=fill, fill_opacity=opacity, stroke_width=2, stroke_linejoin="round")

    def mark(self, x, y, shape, fill, size=5.0):
        """circle, square, diamond or triangle, so that colour is not all that tells them apart."""
        if shape == "circle":
            self.add("circle", cx=number(x), cy=number(y), r=size, fill=fill)
            return
        corners = {"square": (4, math.pi / 4), "diamond": (4, 0.0), "triangle": (3, -math.pi / 2)}[shape]
        turn = 2 * math.pi / corners[0]
        points = [(x + 1.25 * size * math.cos(corners[1] + i * turn), y + 1.25 * size * math.sin(corners[1] + i * turn)) for i in range(corners[0])]
        self.path(points, fill=fill, close=True)

    def paragraph(self, x, y, text, width, size=13, fill=INK, weight="normal"):
        """Text broken into lines; returns the y of the line behind it."""
        for line in wrap(text, width, size * (1.08 if weight == "bold" else 1)):
            self.text(x, y, line, size, fill=fill, weight=weight)
            y += size * 1.35
        return y

    def xml(self):
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {number(self.height)}" width="{self.width}" '
        head += f'height="{number(self.height)}" font-family="{FONT}" role="img">'
        back = f'<rect width="{self.width}" height="{number(self.height)}" fill="#FFFFFF"/>'
        return "\n".join([head, f"<title>{escape(self.title)}</title>", back, *self.parts, "</svg>\n"])


def number(value):
    return f"{value:.1f}".removesuffix(".0")


def wrap(text, width, size):
    """Lines of about the same length, so that no word is alone on the last."""
    rows = math.ceil(len(text) * size * CHAR / width)
    width = min(width, width * (len(text) * size * CHAR / width / rows) * 1.12) if rows > 1 else width
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and len(longer) * size * CHAR > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def short(value):
    """A number as people write it: three digits, thousands as k, millions as M."""
    for least, mark in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= least:
            scaled = value / (1e3 if mark == "k" else least)
            return f"{scaled:.3g}{mark}"
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def nice_ticks(top, count=6):
    """Round steps from 0 to at least top."""
    raw = max(top, 1e-9) / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    return [round(step * i, 10) for i in range(math.ceil(top / step - 1e-9) + 1)]


def log_ticks(low, high):
    """1, 2, 5, 10, … from below the least value to above the greatest."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    first = max(i for i, step in enumerate(steps) if step <= low)
    last = min(i for i, step in enumerate(steps) if step >= high)
    return [round(step, 9) for step in steps[first : max(last, first + 1) + 1]]
