"""The picture of the rooms, docs/rooms.svg, drawn from the imports.

    python -m tests.draw_rooms       # or make picture

A box is a room with its number of modules; it stands above all that it imports from. Of the arrows
within a floor those are drawn that do not follow from others.
"""

from pathlib import Path

from tests.rooms import FLOORS, ROOF, arrows, modules, room

FILE = Path(__file__).parents[1] / "docs" / "rooms.svg"
BOX, ROW, GAP, EDGE = 104, 34, 30, 18
COLOURS = {"plots": "#fdf1d8", "results": "#f8e6ef", "methods": "#e3f1fa", "hpobench": "#e6f5ef"}
WIDTH = 1180


def floor_of(name: str) -> str:
    first = name.split(".")[0]
    return first if first in FLOORS else "hpobench"


def within(floor: str) -> dict[str, set[str]]:
    """The rooms of a floor, and which of its other rooms each imports from."""
    rooms = {name for name in arrows() if name and floor_of(name) == floor} - {floor, *ROOF, "conf"}
    return {name: set(arrows()[name]) & rooms for name in rooms}


def below(graph: dict[str, set[str]], name: str) -> set[str]:
    """All that can be reached from a room."""
    reached = set(graph[name])
    for other in graph[name]:
        reached |= below(graph, other)
    return reached


def reduced(graph: dict[str, set[str]]) -> dict[str, list[str]]:
    """Without the arrows that follow from others."""
    return {
        name: sorted(t for t in ends if not any(t in below(graph, o) for o in ends - {t}))
        for name, ends in graph.items()
    }


def layers(graph: dict[str, set[str]]) -> list[list[str]]:
    """From the top: each room above all that it imports from."""
    depth: dict[str, int] = {}

    def of(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max(map(of, graph[name]), default=-1)
        return depth[name]

    found: dict[int, list[str]] = {}
    for name in sorted(graph):
        found.setdefault(of(name), []).append(name)
    return [found[level] for level in sorted(found, reverse=True)]


def drawn(floor: str, left: float, top: float, width: float) -> tuple[list[str], float]:
    """The lines of SVG of one floor, and its height."""
    graph = within(floor)
    rows = layers(graph)
    height = 40 + len(rows) * ROW + (len(rows) - 1) * GAP + EDGE
    lines = [
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="8" '
        f'fill="{COLOURS[floor]}" stroke="#999"/>',
        f'<text x="{left + 14}" y="{top + 24}" font-weight="bold">{floor}/</text>',
    ]
    place = {}
    for number, names in enumerate(rows):
        y = top + 40 + number * (ROW + GAP)
        step = (width - 2 * EDGE) / len(names)
        for column, name in enumerate(names):
            place[name] = (left + EDGE + step * (column + 0.5), y)
    for name, ends in sorted(reduced(graph).items()):
        for end in ends:
            (x, y), (to_x, to_y) = place[name], place[end]
            lines.append(
                f'<path d="M{x:.0f} {y + ROW} C{x:.0f} {y + ROW + 22} {to_x:.0f} {to_y - 24} '
                f'{to_x:.0f} {to_y - 2}" fill="none" stroke="#666" marker-end="url(#a)"/>'
            )
    for name, (x, y) in sorted(place.items()):
        count = sum(room(m) == name and "__" not in p.name for m, p in modules().items())
        label = name.split(".")[-1] + (f" ({count})" if count > 1 else "")
        lines += [
            f'<rect x="{x - BOX / 2:.0f}" y="{y}" width="{BOX}" height="{ROW}" rx="5" '
            'fill="#fff" stroke="#333"/>',
            f'<text x="{x:.0f}" y="{y + 22}" text-anchor="middle">{label}</text>',
        ]
    return lines, height


def picture() -> str:
    """The whole file."""
    half = (WIDTH - 60) / 2
    lines = [
        f'<rect x="20" y="16" width="{WIDTH - 40}" height="36" rx="8" fill="#f2f2f2" '
        'stroke="#999"/>',
        '<text x="34" y="39"><tspan font-weight="bold">hpobench/cli/</tspan>: the roof; it may '
        "import everything, each thing when it is needed</text>",
    ]
    upper, high = drawn("plots", 40 + half, 72, half)
    middle, mid = drawn("results", 40 + half, 92 + high, half)
    left, tall = drawn("methods", 20, 72, half)
    ground = max(72 + tall, 92 + high + mid) + 24
    lower, deep = drawn("hpobench", 20, ground, WIDTH - 40)
    words = [
        f'<text x="34" y="{ground - 36:.0f}" fill="#555"><tspan font-weight="bold">conf/</tspan> '
        "names and numbers; the machinery meets methods only through it</text>"
    ]
    height = ground + deep + 20
    body = "\n".join([*lines, *upper, *middle, *left, *words, *lower])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        'font-family="DejaVu Sans, Arial, sans-serif" font-size="13">\n'
        "<title>The rooms, and which imports from which</title>\n"
        '<defs><marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="#666"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    FILE.write_text(picture(), encoding="utf-8")
