"""A picture of a session: SVG, a window of a terminal."""
from xml.sax.saxutils import escape

CELL, LINE, MARGIN, BAR = 8.4, 19, 18, 30
FONT = "ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"
BACK, TEXT, TYPED, PROMPT, COMMENT, ERROR = ("#16191f", "#aeb6c2", "#f2f4f8", "#6fcf8e",
                                             "#7d8695", "#f0a36c")


def span(color, text):
    return f'<tspan fill="{color}">{escape(text)}</tspan>' if text else ""


def line(text):
    if text.startswith("$ "):
        command, mark, comment = text[2:].partition("  # ")
        return span(PROMPT, "$ ") + span(TYPED, command) + span(COMMENT, mark + comment)
    return span(ERROR if text.startswith("dznohup: ") else TEXT, text)


def svg(session):
    lines = session.splitlines()
    width = round(max(map(len, lines)) * CELL) + 2 * MARGIN
    height = BAR + MARGIN + len(lines) * LINE
    rows = [f'<text x="{MARGIN}" y="{BAR + MARGIN + number * LINE}" xml:space="preserve" '
            f'textLength="{len(text) * CELL:.0f}">{line(text)}</text>'
            for number, text in enumerate(lines) if text]
    dots = [f'<circle cx="{MARGIN + 4 + 18 * number}" cy="{BAR / 2 + 2:.0f}" r="5" fill="#3a404b"/>'
            for number in range(3)]
    return "\n".join([
        '<!-- Written by make screens; do not edit. -->',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="14">',
        f'<rect width="{width}" height="{height}" rx="8" fill="{BACK}"/>', *dots, *rows,
        "</svg>", ""])
