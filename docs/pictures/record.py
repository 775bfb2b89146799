#!/usr/bin/env python3
"""Runs a command in a terminal and draws what it left there as an SVG; needs pyte (Debian: python3-pyte).

    docs/pictures/record.py docs/pictures/quickstart.svg ./lorikeet quickstart
"""

import fcntl
import os
import pty
import struct
import sys
import termios
from html import escape

import pyte

COLUMNS, ROWS, HISTORY = 100, 40, 400
CELL, LINE, MARGIN = 8.4, 19, 16
NO_BREAK = "\u00a0"  # blanks side by side would be drawn as one
COLOURS = {
    "default": "#e6edf3", "black": "#484f58", "red": "#ff7b72", "green": "#3fb950", "brown": "#d29922",
    "yellow": "#d29922", "blue": "#58a6ff", "magenta": "#bc8cff", "cyan": "#39c5cf", "white": "#b1bac4",
}


def run(command):
    """What the command writes to a terminal, to its end."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS), LINES=str(ROWS))
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen = pyte.HistoryScreen(COLUMNS, ROWS, history=HISTORY, ratio=1)
    stream = pyte.ByteStream(screen)
    while True:
        try:
            read = os.read(terminal, 1 << 16)
        except OSError:  # the end of a terminal whose program has ended
            break
        if not read:
            break
        stream.feed(read)
    os.waitpid(child, 0)
    return [*screen.history.top, *(screen.buffer[row] for row in range(ROWS))]


def draw(lines, title):
    """The lines as an SVG: a text for each run of cells that look alike."""
    width, height = COLUMNS * CELL + 2 * MARGIN, (len(lines) + 1) * LINE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(title)}">', f"<title>{escape(title)}</title>",
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="#0d1117"/>',
        '<g font-family="ui-monospace, &quot;DejaVu Sans Mono&quot;, Menlo, Consolas, monospace" font-size="14">',
        f'<text x="{MARGIN}" y="{MARGIN + LINE - 5}" fill="#8b949e">$ {escape(title)}</text>',
    ]
    for row, line in enumerate(lines, 1):
        column = 0
        while column < COLUMNS:
            cell, begin, text = line[column], column, ""
            while column < COLUMNS and (line[column].fg, line[column].bold) == (cell.fg, cell.bold):
                text += line[column].data
                column += 1
            if text.strip():
                colour = COLOURS.get(cell.fg, f"#{cell.fg}" if len(cell.fg) == 6 else COLOURS["default"])
                bold = ' font-weight="600"' if cell.bold else ""
                length = f' textLength="{len(text) * CELL:g}" lengthAdjust="spacingAndGlyphs"'
                parts.append(
                    f'<text x="{MARGIN + begin * CELL:g}" y="{MARGIN + (row + 1) * LINE - 5}" fill="{colour}"'
                    f"{bold}{length}>{escape(text).replace(' ', NO_BREAK)}</text>")
    return "\n".join([*parts, "</g>", "</svg>", ""])


def main():
    output, command = sys.argv[1], sys.argv[2:]
    lines = run(command)
    while lines and not "".join(lines[-1][column].data for column in range(COLUMNS)).strip():
        lines.pop()
    with open(output, "w", encoding="utf-8") as file:
        file.write(draw(lines, " ".join(command)))


main()
