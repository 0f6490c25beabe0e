"""From results to words: ratios, the targets, docs/performance.md and results.json."""
import math

MIB = 1 << 20
FAILED = "failed"
INTRODUCTION = """# Performance

This page is written by `make bench`; do not edit it. It holds the medians of %s, run in turns (A B C, A B C, …)
with fixed seeds, on %s.

Time is user plus system time of the whole process, its start and `ouro` itself included; memory is the peak resident set
unless a table says otherwise. Each table's first column of figures is the stock one, the others are ratios to it: below 1
is less. The same figures, run by run, are in `bench/results.json`; what each program does is written at its top, in
`bench/`.%s"""


def geometric_mean(values):
    values = [value for value in values if value > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def ratio(row, field, variant, base):
    """One variant's median over another's, or None where either is missing or has failed."""
    first, second = row["variants"].get(variant, {}), row["variants"].get(base, {})
    if first.get(field) is None or not second.get(field):
        return None
    return first[field] / second[field]


def ratios(rows, field, variant, base):
    found = [ratio(row, field, variant, base) for row in rows]
    return [value for value in found if value is not None]


def worst_row(rows, field, variant, base):
    """(ratio, where) of the row that does worst."""
    found = [(ratio(row, field, variant, base), where(row)) for row in rows if ratio(row, field, variant, base) is not None]
    return max(found) if found else None


def where(row):
    return row["program"] + (" on " + row["python"] if "python" in row else "")


def against_better(rows, field, peers):
    """Ouro over the better of the peers, program by program: stricter than over the peer that is better on the whole."""
    found = []
    for row in rows:
        mine = row["variants"].get("ouro", {}).get(field)
        theirs = [row["variants"][peer][field] for peer in peers if row["variants"].get(peer, {}).get(field)]
        if mine and theirs:
            found.append(mine / min(theirs))
    return geometric_mean(found)


def failures(suites):
    """Every (where, variant, text) that went wrong."""
    return [(where(row), name, result["failed"]) for rows in suites.values() for row in rows
            for name, result in row["variants"].items() if result["failed"]]


def above_start(rows, moment):
    """The worst share of the peak that stays above the start, under Ouro."""
    shares = [(result[moment] - result["start"]) / (result["peak"] - result["start"])
              for row in rows if row["program"].startswith("free_all")
              for result in [row["variants"].get("ouro", {})] if "start" in result]
    return max(shares, default=None)


def newest_freed(newest, memory):
    """(worst ratio, where and how).  The target is for objects of mixed sizes.  Where all are small, CPython
    itself gives back nearly all that is not alive, so that no allocator can come near 0.60: said beside it."""
    worst = worst_row(newest, "settled", "ouro", "stock")
    if worst is None:
        return None, ""
    detail = "%s, two seconds later; %.2f at once" % (worst[1], worst_row(newest, "freed", "ouro", "stock")[0])
    small = worst_row([row for row in memory if row["program"] == "free_newest_small"], "settled", "ouro", "stock")
    return worst[0], detail + ("; small objects alone: %.2f" % small[0] if small else "")


def most_over_plain(rows, field, scale):
    return max(((row["variants"]["ouro"][field] - row["variants"]["stock"][field]) * scale for row in rows
                if field in row["variants"].get("ouro", {})), default=None)


def evaluate_targets(suites):
    """The Targets table: [{"what", "target", "measured", "met", "detail"}]; `met` is None where nothing was measured."""
    python = suites.get("python", []) + suites.get("pyperformance", [])
    memory, c, startup = suites.get("memory", []), suites.get("c", []), suites.get("startup", [])
    newest = [row for row in memory if row["program"] == "free_newest"]
    cycles = [row for row in memory if row["program"].startswith("cycles")]
    table = []

    def add(what, target, rows, variant, measured, detail="", unit="ratio"):
        """One row; where a run that it stands on has failed, the target is not met, whatever the others show."""
        n_failed = sum(1 for row in rows if row["variants"].get(variant, {}).get("failed"))
        met = False if n_failed else None if measured is None else measured <= target
        if n_failed:
            detail = "; ".join(filter(None, ["%d of %d failed" % (n_failed, len(rows)), detail]))
        table.append({"what": what, "target": target, "measured": measured, "met": met, "detail": detail, "unit": unit})

    def add_mean(what, target, rows, field, variant, base):
        add(what, target, rows, variant, geometric_mean(ratios(rows, field, variant, base)))

    def add_worst(what, target, rows, field, variant, base):
        worst = worst_row(rows, field, variant, base)
        add(what, target, rows, variant, *(worst if worst else (None,)))

    alone, peers, better = "ouro, stock gc", ("mimalloc", "jemalloc"), "the better one of each program"
    add_mean("Python programs, user+system time, Ouro / stock, geometric mean", 0.80, python, "cpu", "ouro", "stock")
    add_worst("the worst single program", 1.03, python, "cpu", "ouro", "stock")
    add_mean("the same with --gc=stock (the heap alone), geometric mean", 0.97, python, "cpu", alone, "stock")
    add_worst("with --gc=stock, the worst", 1.03, python, "cpu", alone, "stock")
    add_mean("peak RSS, Ouro / stock, geometric mean", 1.00, python, "rss_kb", "ouro", "stock")
    add_worst("peak RSS, the worst", 1.10, python, "rss_kb", "ouro", "stock")
    add("against the better of mimalloc and jemalloc under the same CPython, time", 1.00, python, "ouro",
        against_better(python, "cpu", peers), better)
    add("against the better of the two, peak RSS", 1.00, python, "ouro", against_better(python, "rss_kb", peers), better)
    add_mean("malloc workloads in C, Ouro / mimalloc, geometric mean of time", 1.05, c, "cpu", "ouro", "mimalloc")
    add_mean("malloc workloads in C, Ouro / mimalloc, geometric mean of peak RSS", 1.05, c, "rss_kb", "ouro", "mimalloc")
    settled, at_once = above_start(memory, "settled"), above_start(memory, "freed")
    add("RSS after everything is freed, above start, share of the peak", 0.05,
        [row for row in memory if row["program"].startswith("free_all")], "ouro", settled,
        "" if at_once is None else "two seconds later; %.1f %% at once" % (100 * at_once), "share")
    add("RSS after the newest 90 % is freed, Ouro / stock, the worst", 0.60, newest, "ouro", *newest_freed(newest, memory))
    add_worst("garbage in cycles: peak RSS, Ouro / stock, the worst", 1.15, cycles, "rss_kb", "ouro", "stock")
    add("an empty program, over plain, ms", 10, startup, "ouro", most_over_plain(startup, "wall", 1000), unit="ms")
    add("an empty program, over plain, MB", 4, startup, "ouro", most_over_plain(startup, "rss_kb", 1 / 1024), unit="MB")
    return table


def write_figure(value, unit):
    if value is None:
        return "not measured"
    return {"ratio": "%.2f", "share": "%.1f %%", "ms": "%.1f ms", "MB": "%.1f MB"}[unit] % (100 * value if unit == "share" else value)


def table_text(head, rows):
    """A Markdown table, its columns lined up so that it also reads well in a terminal."""
    widths = [max(len(str(row[i])) for row in [head] + rows) for i in range(len(head))]

    def line(cells):
        first = str(cells[0]).ljust(widths[0])
        return "| " + " | ".join([first] + [str(cell).rjust(width) for cell, width in zip(cells[1:], widths[1:])]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]) + "|"
    return "\n".join([line(head), rule] + [line(row) for row in rows])


def targets_text(targets):
    rows = []
    for each in targets:
        met = {True: "met", False: "**not met**", None: "-"}[each["met"]]
        rows.append([each["what"], write_figure(each["target"], each["unit"]), write_figure(each["measured"], each["unit"]), met, each["detail"]])
    return table_text(["what", "at most", "measured", "", "where, how"], rows)


def comparison_text(rows, base, field, unit, scale):
    """Per program: the base's figure, and the others' ratios to it; then their geometric mean and worst."""
    names = [name for name in rows[0]["variants"] if name != base]
    body = []
    for row in rows:
        figure = row["variants"][base].get(field)
        cells = [row["program"], FAILED if figure is None else "%.2f" % (figure * scale)]
        for name in names:
            value = ratio(row, field, name, base)
            cells.append("%.2f" % value if value is not None else FAILED if row["variants"][name]["failed"] else "-")
        body.append(cells)
    if len(body) > 1:
        for label, summarise in (("geometric mean", geometric_mean), ("worst", lambda values: max(values, default=None))):
            summary = [summarise(ratios(rows, field, name, base)) for name in names]
            body.append(["*%s*" % label, ""] + ["-" if value is None else "%.2f" % value for value in summary])
    return table_text(["program", "%s, %s" % (base, unit)] + names, body)


def memory_text(rows):
    """Resident MB of each variant: at the peak, right after the frees, two seconds later."""
    names = list(rows[0]["variants"])
    body = []
    for row in rows:
        cells = [row["program"]]
        for name in names:
            result = row["variants"][name]
            cells.append(FAILED if result["failed"] else "%d → %d, %d" % tuple(result[moment] / MIB for moment in ("peak", "freed", "settled")))
        body.append(cells)
    return table_text(["program"] + names, body)


def by_python(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row["python"], []).append(row)
    return groups.items()


def page_text(results):
    """docs/performance.md."""
    suites, machine = results["suites"], results["machine"]
    partial = "\n\n**Some of the programs only.**" if results["partial"] else ""
    rounds = "%d rounds" % results["rounds"] if results["rounds"] > 1 else "a single round"
    parts = [INTRODUCTION % (rounds, machine["text"], partial)]
    parts += ["\n## Targets\n", targets_text(results["targets"])]
    for suite, title in (("python", "Python programs"), ("pyperformance", "A subset of pyperformance")):
        for version, rows in by_python(suites.get(suite, [])):
            parts += ["\n## %s on CPython %s\n\nTime:\n" % (title, version), comparison_text(rows, "stock", "cpu", "s", 1),
                      "\nPeak resident memory:\n", comparison_text(rows, "stock", "rss_kb", "MB", 1 / 1024)]
    for version, rows in by_python(suites.get("memory", [])):
        parts += ["\n## Memory given back, CPython %s\n\nResident MB: at the peak → right after the frees, two seconds later:\n" % version,
                  memory_text(rows), "\nPeak resident memory:\n", comparison_text(rows, "stock", "rss_kb", "MB", 1 / 1024),
                  "\nTime:\n", comparison_text(rows, "stock", "cpu", "s", 1)]
    if suites.get("startup"):
        rows = [dict(row, program="CPython " + row["python"]) for row in suites["startup"]]
        parts += ["\n## An empty program\n\n`python3 -c pass`, elapsed time:\n", comparison_text(rows, "stock", "wall", "ms", 1000),
                  "\nPeak resident memory:\n", comparison_text(rows, "stock", "rss_kb", "MB", 1 / 1024)]
    if suites.get("c"):
        parts += ["\n## malloc workloads in C\n\nTime:\n", comparison_text(suites["c"], "glibc", "cpu", "s", 1),
                  "\nElapsed time:\n", comparison_text(suites["c"], "glibc", "wall", "s", 1),
                  "\nPeak resident memory:\n", comparison_text(suites["c"], "glibc", "rss_kb", "MB", 1 / 1024)]
    wrong = failures(suites)
    if wrong:
        parts += ["\n## What failed\n", "\n".join("- %s, %s: %s" % each for each in wrong)]
    return "\n".join(parts) + "\n"
