"""From results to words: ratios, the targets, docs/performance.md and results.json."""
import math

MIB = 1 << 20
TRACERS = ("sampled", "exact, 1 frame", "exact", "exact, -o")
PEER_TRACERS = ("tracemalloc, 1", "tracemalloc, 25", "memray", "memray, Python", "memray, aggregated", "memory_profiler")
FILE_WRITERS = ("exact, -o", "memray", "memray, Python", "memray, aggregated")
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
    return row["program"] + (" on " + row["python"] if "python" in row else ", " + " of ".join(filter(None, (row["group"], row.get("of")))) if "group" in row else "")


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
    objects = suites.get("objects", [])
    table = []

    def add(what, target, rows, variant, measured, detail="", unit="ratio", least=False):
        """One row, the target being the most or the least; where a run that it stands on has failed, the target is not met, whatever the others show."""
        n_failed = sum(1 for row in rows if row["variants"].get(variant, {}).get("failed"))
        met = False if n_failed else None if measured is None else measured >= target if least else measured <= target
        if n_failed:
            detail = "; ".join(filter(None, ["%d of %d failed" % (n_failed, len(rows)), detail]))
        table.append({"what": what, "target": target, "measured": measured, "met": met, "detail": detail, "unit": unit, "least": least})

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
    if objects:
        add_object_targets(objects, add, add_mean, add_worst)
    if suites.get("tracing"):
        add_tracing_targets(suites["tracing"], add, add_mean, add_worst)
    if suites.get("views"):
        add_views_targets(suites["views"], add)
    return table


def add_object_targets(objects, add, add_mean, add_worst):
    def of(group):
        return [row for row in objects if row["group"] == group]

    def figure(rows, variant):
        return rows[0]["variants"].get(variant, {}).get("figure") if rows else None

    batches = geometric_mean(ratios(of("create a thousand"), "figure", "ouro", "cpython"))
    add("objects: create + destroy, Ouro / CPython's C API, geometric mean", 0.60, of("create"), "ouro",
        geometric_mean(ratios(of("create"), "figure", "ouro", "cpython")), "a thousand at a time: %.2f" % batches if batches else "")
    add_mean("container operations, geometric mean", 0.80, of("containers"), "figure", "ouro", "cpython")
    add_worst("container operations, the worst", 1.10, of("containers"), "figure", "ouro", "cpython")
    add_mean("bytes an object, small containers, geometric mean", 0.70, of("bytes, containers"), "figure", "ouro", "cpython")
    full, growth = of("full collection"), [row for row in of("growth") if row["program"] == "longest pause"]
    add_mean("full collection, ns an object, Ouro / CPython, geometric mean", 0.35, full, "figure", "ouro", "cpython")
    add_mean("full collection, ns an object, Ouro / bdwgc, geometric mean", 1.00, full, "figure", "ouro", "bdwgc")
    add_mean("longest pause growing to 10 M objects, Ouro / CPython", 0.05, growth, "figure", "ouro", "cpython")
    add_mean("longest pause growing to 10 M objects, Ouro / bdwgc", 0.20, growth, "figure", "ouro", "bdwgc")
    add("share of CPU time spent collecting during that growth", 0.08, of("growth share"), "ouro", figure(of("growth share"), "ouro"), unit="share")
    add("two threads making and dropping their own objects, throughput / one thread", 1.8, of("threads"), "ouro",
        figure(of("threads"), "ouro"), least=True)
    add_worst("incref + decref by the owner / a plain count", 1.5, of("counts"), "figure", "ouro", "plain")


def added(row, field, variant):
    """What a way to trace adds to the same program without it, or None where it was not run or has failed."""
    base = "plain" if variant in PEER_TRACERS else "not tracing"
    traced, untraced = (row["variants"].get(name, {}).get(field) for name in (variant, base))
    return None if traced is None or untraced is None else traced - untraced


def added_seconds(row, variant):
    return added(row, "cpu", variant)


def added_memory(row, variant):
    """In MB."""
    n_kb = added(row, "rss_kb", variant)
    return None if n_kb is None else n_kb / 1024


def file_size(row, variant):
    """Of the file that a way to trace writes, in kB."""
    n_bytes = row["variants"].get(variant, {}).get("file")
    return None if n_bytes is None else n_bytes / 1000


def over_peer(rows, variant, peer, figure):
    """(geometric mean, in words) of one way to trace over another one."""
    found = []
    for row in rows:
        mine, theirs = figure(row, variant), figure(row, peer)
        if mine is not None and theirs is not None and theirs > 0:
            found.append((mine / theirs, row["program"]))
    if not found:
        return None, ""
    return geometric_mean([value for value, _ in found]), "of %d; the worst: %.2f, %s" % (len(found), *max(found))


def add_tracing_targets(rows, add, add_mean, add_worst):
    def add_over_peer(what, target, variant, peer, figure):
        add(what, target, rows, variant, *over_peer(rows, variant, peer, figure))

    add_mean("tracing, sampled (the default) / not tracing, user+system time, geometric mean", 1.02, rows, "cpu", "sampled", "not tracing")
    add_worst("tracing, sampled, the worst", 1.05, rows, "cpu", "sampled", "not tracing")
    add_mean("tracing, exact, 1 frame / not tracing, geometric mean", 1.25, rows, "cpu", "exact, 1 frame", "not tracing")
    add_over_peer("the time that it adds / what tracemalloc adds, 1 frame", 0.35, "exact, 1 frame", "tracemalloc, 1", added_seconds)
    add_mean("tracing, exact, all frames / not tracing, geometric mean", 1.50, rows, "cpu", "exact", "not tracing")
    add_over_peer("the time that it adds, its file written / what memray adds, Python's allocators traced", 0.50,
                  "exact, -o", "memray, Python", added_seconds)
    add_over_peer("the memory that exact tracing adds, 1 frame / what tracemalloc adds, 1 frame", 0.35,
                  "exact, 1 frame", "tracemalloc, 1", added_memory)
    add_over_peer("the same, all frames / 25 frames", 0.35, "exact", "tracemalloc, 25", added_memory)
    add_over_peer("file of a run / memray's, Python's allocators traced", 0.20, "exact, -o", "memray, Python", file_size)


def loading_rate(row):
    """MB of contents a second, or None."""
    seconds = row["variants"]["ouro"].get("cpu")
    return row["contents"] / 1e6 / seconds if seconds else None


def after_loading(rows, row):
    """Seconds that a view takes beyond loading what it is of, or None; a difference is of two."""
    loads = {each["program"]: each["variants"]["ouro"].get("cpu") for each in rows if each["group"] == "loading" and each["of"] == row["of"]}
    names = ["packed, of ouro run"] + (["the smaller one, packed"] if row["program"].startswith("diff") else [])
    seconds = [row["variants"]["ouro"].get("cpu"), *(loads.get(name) for name in names)]
    return None if None in seconds else max(0, seconds[0] - sum(seconds[1:]))


def add_views_targets(rows, add):
    for of, program in VIEWED:
        groups = {group: [row for row in rows if row["group"] == group and row["of"] == of] for group in ("loading", "views", "exports")}
        rates = [(loading_rate(row), row["program"]) for row in groups["loading"] if loading_rate(row)]
        if rates:
            add("loading a snapshot of 10 M blocks of %s, MB of its contents a second of user+system time" % program, 200,
                groups["loading"], "ouro", min(rates)[0], min(rates)[1], unit="MB/s", least=True)
        for group, what in (("views", "the slowest view of it, after loading"), ("exports", "the slowest export of all of it, after loading")):
            found = [(after_loading(rows, row), row["program"]) for row in groups[group] if after_loading(rows, row) is not None]
            if found:
                add(what, 1.0, groups[group], "ouro", *max(found), unit="s")


def write_figure(value, unit):
    if value is None:
        return "not measured"
    return {"ratio": "%.2f", "times": "%.2f", "share": "%.1f %%", "ms": "%.1f ms", "MB": "%.1f MB", "s": "%.2f s", "MB/s": "%.0f MB/s"}[unit] % (100 * value if unit == "share" else value)


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
        target = ("at least " if each["least"] else "") + write_figure(each["target"], each["unit"])
        rows.append([each["what"], target, write_figure(each["measured"], each["unit"]), met, each["detail"]])
    return table_text(["what", "at most", "measured", "", "where, how"], rows)


def comparison_text(rows, base, field, unit, scale):
    """Per program: the base's figure, and the others' ratios to it; then their geometric mean and worst."""
    names = list(dict.fromkeys(name for row in rows for name in row["variants"] if name != base))
    body = []
    for row in rows:
        figure = row["variants"].get(base, {}).get(field)
        cells = [row["program"], ("-" if base not in row["variants"] else FAILED) if figure is None else "%.2f" % (figure * scale)]
        for name in names:
            value = ratio(row, field, name, base)
            cells.append("%.2f" % value if value is not None else FAILED if row["variants"].get(name, {}).get("failed") else "-")
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


OBJECT_GROUPS = [  # group, heading, the base
    ("create", "Create and destroy, one at a time", "cpython"),
    ("create a thousand", "Create a thousand, then destroy them", "cpython"),
    ("containers", "Container operations", "cpython"),
    ("counts", "One reference more and one less; *plain* is a count that is not atomic", "plain"),
    ("counts, foreign", "The same by another thread than the owner", "gobject"),
    ("bytes, containers", "Resident bytes, containers", "cpython"),
    ("bytes, others", "Resident bytes, others", "cpython"),
    ("full collection", "A full collection of 5 M live objects, by the clock, each object", "cpython"),
    ("young collection", "A collection of 10,000 young lists beside them, by the clock, each young object", "cpython"),
    ("garbage", "Garbage in cycles, made and collected, each object", "cpython"),
    ("trees", "Trees, the collector on", "cpython"),
    ("growth", "A list that grows to 10 M small lists, the collector on", "cpython"),
    ("growth share", "Share of that growth's time spent collecting", None),
    ("threads", "Two threads that make and drop objects of their own, by the clock: throughput over one thread's", None),
]


def figures_text(rows):
    """Each peer's figure as it is."""
    names = list(rows[0]["variants"])
    body = []
    for row in rows:
        results = [row["variants"][name] for name in names]
        body.append([row["program"]] + [FAILED if result["failed"] else write_figure(result["figure"], row["unit"]) for result in results])
    return table_text(["what"] + names, body)


def objects_text(rows):
    parts = ["""
## Objects in C

Ouro's C API, CPython's (libpython embedded, no bytecode runs), the Boehm-Demers-Weiser collector and GLib's GObject do the
same, each in its quickest public way, the collectors being off unless it says otherwise. Nanoseconds are user plus system
time of one operation. `make bench ARGS="--what objects --update"` measures this part alone."""]
    for group, heading, base in OBJECT_GROUPS:
        found = [row for row in rows if row["group"] == group]
        if found:
            text = comparison_text(found, base, "figure", found[0]["unit"], 1) if base else figures_text(found)
            parts += ["\n%s:\n" % heading, text]
    return parts


TRACING = """
## Tracing on CPython %s

What it costs to know which lines the memory comes from. Ouro traces not at all (`--trace=off`), a sample (`--trace=sampled`,
what `ouro run` does when not told otherwise), every block with the line that made it (`--trace=exact --frames 1`), or every block with
all its frames (`--trace=exact`; with `-o` it also writes its file). The number beside tracemalloc is that of its frames.
memray always writes a file, of every event unless it is told to aggregate them; *Python* means that it traces Python's allocators
too (`--trace-python-allocators`; aggregated, as well), without which it sees no small objects. Its start is counted in, as is Ouro's.

The others take several times as long as the programs do: they, and Ouro writing its file, run %d of the programs, and their
means are of these alone. The others take part in one of five rounds. memory_profiler reads the
resident size after each line of the functions that are marked for it: here that is `main` of one program, as the rest slows down with it.
`make bench ARGS="--what tracing --update"` measures this part alone."""


def select_variants(rows, names):
    """The rows that have one of them, with these variants alone."""
    found = [dict(row, variants={name: row["variants"][name] for name in names if name in row["variants"]}) for row in rows]
    return [row for row in found if row["variants"]]


def tracers_text(rows, names, figure):
    """One figure of each way to trace; one that was run nowhere has no column."""
    names = [name for name in names if any(name in row["variants"] for row in rows)]
    body = []
    for row in rows:
        cells = [row["program"]]
        for name in names:
            value = figure(row, name)
            cells.append("%.1f" % value if value is not None else FAILED if row["variants"].get(name, {}).get("failed") else "-")
        body.append(cells)
    return table_text(["program", *names], body)


def tracing_text(rows):
    mine = select_variants(rows, ("not tracing", *TRACERS))
    with_peers = [row for row in rows if select_variants([row], PEER_TRACERS)]
    parts = [TRACING % (rows[0]["python"], len(with_peers))]
    if mine:
        parts += ["\nTime, Ouro's over not tracing:\n", comparison_text(mine, "not tracing", "cpu", "s", 1)]
    if with_peers:
        parts += ["\nTime, the others' over plain Python:\n",
                  comparison_text(select_variants(with_peers, ("plain", *PEER_TRACERS)), "plain", "cpu", "s", 1)]
    parts += ["\nMB that tracing adds to the peak of resident memory:\n", tracers_text(rows, TRACERS + PEER_TRACERS, added_memory)]
    if with_peers:
        parts += ["\nThe file of a run, kB:\n", tracers_text(select_variants(rows, FILE_WRITERS), FILE_WRITERS, file_size)]
    return parts


VIEWS = """
## Views of a large snapshot

Two programs with ten million live blocks, traced exactly: an ordinary one that parses the standard library's sources and keeps
what comes of them (`bench/views/library.py`, some fifty thousand tracebacks), and one with a million tracebacks of 20 to 50 frames,
each other than the others (`bench/views/towers.py`). Loading is what a program takes that opens the file by
`ouro_snapshot_open()`, checks and unpacks it, and does nothing else; a view's time is that of the whole command less that of
loading: mostly it is making one tree of all tracebacks. *MB* are of the peak of resident memory.
`make bench ARGS="--what views --update"` measures this part alone."""
VIEWED = (("library", "an ordinary program"), ("towers", "a million tracebacks"))


def views_text(rows):
    parts = [VIEWS]
    for of, program in VIEWED:
        loading, shown = [], []
        for row in (row for row in rows if row["of"] == of):
            result = row["variants"]["ouro"]
            memory = result.get("rss_kb")
            if row["group"] == "loading":
                loading.append([row["program"], "%.1f" % (row["bytes"] / 1e6), "%.1f" % (row["contents"] / 1e6),
                                write_figure(loading_rate(row), "MB/s")])
            else:
                shown.append([row["program"], write_figure(result.get("cpu"), "s"), write_figure(after_loading(rows, row), "s"),
                              FAILED if memory is None else "%.0f" % (memory / 1024)])
        if loading or shown:
            parts += ["\n### Of %s\n\nLoading:\n" % program, table_text(["file", "MB", "MB of contents", "of contents"], loading),
                      "\nShowing:\n", table_text(["command", "in all", "after loading", "MB"], shown)]
    return parts


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
    if suites.get("objects"):
        parts += objects_text(suites["objects"])
    if suites.get("tracing"):
        parts += tracing_text(suites["tracing"])
    if suites.get("views"):
        parts += views_text(suites["views"])
    wrong = failures(suites)
    if wrong:
        parts += ["\n## What failed\n", "\n".join("- %s, %s: %s" % each for each in wrong)]
    return "\n".join(parts) + "\n"
