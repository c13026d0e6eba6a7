"""What was done, and how it went: Markdown, JSON, and a picture of lag, memory and faults over time."""

import json
from typing import NamedTuple
from xml.sax.saxutils import escape

from faults import KINDS

WIDTH, PANEL, LEFT, GAP = 960, 170, 64, 36
COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f", "#475569", "#a16207")


class Done(NamedTuple):
    """A fault that was done; times in seconds of the run. `took`: None if all was not well again."""

    kind: str
    victim: str
    began: float
    healed: float
    took: float


class Report:
    """Collects, then writes."""

    def __init__(self, options, bounds):
        self.options, self.bounds = options, bounds
        self.faults, self.watch = [], None
        self.counts = {"acknowledged": None, "in_topic": None}

    def note(self, fault, began, healed, took):
        self.faults.append(Done(fault.kind, fault.victim, began, healed, took))

    def write(self, verdict):
        directory = self.options.report
        directory.mkdir(parents=True, exist_ok=True)
        samples, peaks = self.watch.samples, self.watch.peaks()
        (directory / "report.svg").write_text(picture(samples, self.faults))
        (directory / "report.md").write_text(self.words(verdict, peaks))
        content = {
            "seed": self.options.seed, "broken": self.options.broken, "passed": verdict.passed, "failed": verdict.failed,
            **self.counts, "faults": [done._asdict() for done in self.faults], "peaks_mib": peaks, "samples": samples,
        }
        (directory / "report.json").write_text(json.dumps(content, indent=1))

    def words(self, verdict, peaks):
        broken = f", processors broken on purpose: {self.options.broken}" if self.options.broken else ""
        lines = [
            f"# Chaos: {len(self.faults)} faults of seed {self.options.seed}{broken}", "",
            f"{self.counts['acknowledged']} acknowledged events, {self.counts['in_topic']} events in the topic.", "",
            "| verdict | check |", "|---|---|",
            *(f"| **failed** | {what} |" for what in verdict.failed), *(f"| passed | {what} |" for what in verdict.passed),
            "", "![lag, memory and faults over time](report.svg)", "",
            "## Recovery by kind", "",
            "From the moment a process was killed, or else from the moment the cause was gone, until every service was "
            "ready, the victim worked, and all that was in the topic then was folded, written and committed.", "",
            "| kind | times | median s | longest s | bar s |", "|---|---|---|---|---|", *self.by_kind(),
            "", "## Faults", "", "| at s | kind | victim | lasted s | recovered after s |", "|---|---|---|---|---|",
            *(
                f"| {done.began:.1f} | {done.kind} | {done.victim} | {done.healed - done.began:.1f} | "
                f"{'never' if done.took is None else f'{done.took:.1f}'} |"
                for done in self.faults
            ),
            "", "## Memory", "", "| process | most MiB | bound MiB |", "|---|---|---|",
            *(f"| {name} | {mib:.0f} | {self.bounds[name.removesuffix('-2')]} |" for name, mib in sorted(peaks.items())),
        ]
        return "\n".join(lines) + "\n"

    def by_kind(self):
        for kind in dict.fromkeys(sorted(done.kind for done in self.faults)):
            times = sorted(float("inf") if done.took is None else done.took for done in self.faults if done.kind == kind)
            bar = KINDS[kind].bar_s
            told = "" if bar is None else f"{bar:g} {'met' if times[-1] <= bar else '**missed**'}"
            yield f"| {kind} | {len(times)} | {times[len(times) // 2]:.1f} | {times[-1]:.1f} | {told} |"


# ---- picture -------------------------------------------------------------------------------------------------------


def picture(samples, faults):
    """Three panels over one axis of time, as SVG."""
    end = max([sample["at"] for sample in samples] + [done.healed + (done.took or 0) for done in faults] + [1])

    def x(at):
        return LEFT + (WIDTH - LEFT - 150) * at / end

    names = sorted({name for sample in samples for name in sample["mib"]})
    lag = [(sample["at"], sample["lag"]) for sample in samples]
    memory = {name: [(sample["at"], sample["mib"].get(name)) for sample in samples] for name in names}
    height = 3 * (PANEL + GAP) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="11" fill="#334155">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        panel(0, "lag of the ledgers, records", {"lag": lag}, faults, x, ["#0f172a"]),
        panel(1, "resident memory, MiB", memory, faults, x, COLOURS),
        timeline(2, faults, x),
        *(f'<text x="{x(end * k / 6):.0f}" y="{height - 6}" text-anchor="middle">{end * k / 6:.0f} s</text>' for k in range(7)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def top_of(index):
    return index * (PANEL + GAP) + 24


def panel(index, title, series, faults, x, colours):
    top = top_of(index)
    most = max((value for points in series.values() for _, value in points if value is not None), default=1) or 1

    def y(value):
        return top + PANEL * (1 - value / most)

    parts = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{escape(title)}</text>']
    parts += [shade(done, top, x) for done in faults]
    for part in (0, 0.5, 1):
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 150}" y1="{y(most * part):.1f}" y2="{y(most * part):.1f}" stroke="#e2e8f0"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(most * part) + 4:.1f}" text-anchor="end">{most * part:.0f}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = colours[number % len(colours)]
        parts += [
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.2" points="{run}"/>' for run in lines(points, x, y)
        ]
        if len(series) > 1:
            parts.append(f'<text x="{WIDTH - 140}" y="{top + 10 + 15 * number}" fill="{colour}">{escape(name)}</text>')
    return "\n".join(parts)


def shade(done, top, x):
    width = max(x(done.healed) - x(done.began), 1.5)
    return f'<rect x="{x(done.began):.1f}" y="{top}" width="{width:.1f}" height="{PANEL}" fill="#fecaca" opacity="0.6"/>'


def lines(points, x, y):
    """Points as runs of a polyline, broken where nothing was measured."""
    run = []
    for at, value in [*points, (0, None)]:
        if value is not None:
            run.append(f"{x(at):.1f},{y(value):.1f}")
        elif run:
            yield " ".join(run)
            run = []


def timeline(index, faults, x):
    """One row per kind of fault: red while it lasts, yellow until all is well."""
    kinds = sorted({done.kind for done in faults})
    top, row = top_of(index), min(14, PANEL / max(len(kinds), 1))
    parts = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">faults (red) and recovery (yellow)</text>']
    for done in faults:
        y = top + row * kinds.index(done.kind)
        well = x(done.healed + (done.took or 0))
        parts.append(
            f'<rect x="{x(done.began):.1f}" y="{y:.1f}" width="{max(x(done.healed) - x(done.began), 2):.1f}" '
            f'height="{row - 2:.1f}" fill="#dc2626"/>'
        )
        parts.append(
            f'<rect x="{x(done.healed):.1f}" y="{y:.1f}" width="{max(well - x(done.healed), 1):.1f}" '
            f'height="{row - 2:.1f}" fill="#facc15"/>'
        )
    parts += [
        f'<text x="{WIDTH - 140}" y="{top + row * number + row - 4:.1f}" font-size="{min(11, row):.0f}">{kind}</text>'
        for number, kind in enumerate(kinds)
    ]
    return "\n".join(parts)
