"""The memory of tests, for pytest: limits by markers, and a summary with `--ouro`.

What counts is what a test allocates while it is called, its fixtures left aside.  All of that is traced, so the figures are
no samples and no matter of time: the same test has the same figures, alone or beside others.  For that the collector of
cycles, which comes when it will, waits meanwhile; and what a test keeps is what is left when it has come at last.
"""

import gc
import os

import pytest

from . import host as host_module
from . import sizes
from .stretch import Trace

WARMUP = 2  # runs of a test that is to keep nothing: caches are filled then
OWN_FOLDER = os.path.dirname(__file__)


def pytest_addoption(parser):
    group = parser.getgroup("ouro", "memory of tests (under `ouro run`)")
    group.addoption("--ouro", action="store_true", help="measure each test, and list those with the most memory at the end")
    group.addoption(
        "--ouro-top", type=int, default=10, metavar="N", help="tests in that list, and lines in messages (10)"
    )


def pytest_configure(config):
    if config.getoption("ouro_top") < 1:
        raise pytest.UsageError("--ouro-top is a number from 1 on")
    for text in (
        "limit_memory(most): fail when the test has more memory at once than it had at its beginning, by `most`: '24 MB'",
        f"limit_growth(most=0, warmup={WARMUP}): run the test some times, and fail when the last run leaves more than `most`",
    ):
        config.addinivalue_line("markers", text)
    config.pluginmanager.register(_Plugin(config), "ouro")


def pytest_report_header(config):
    if host_module.find() is None:
        return "ouro: not under `ouro run`, so limits of memory are not checked"
    return None


def _clean_up():
    """Free what nobody holds: garbage in cycles, CPython's lists of free objects, which go with a collection, and names in
    its cache of attributes, which hold on to other names in each process."""
    gc.collect()
    host_module.find().clear_type_cache()


class _Limits:
    """What a test's markers ask for; None where there is none."""

    def __init__(self, item, takes_limit_memory):
        self.memory = self.growth = None
        self.warmup = 0
        for name, take in (("limit_memory", self._take_memory), ("limit_growth", self._take_growth)):
            marker = item.get_closest_marker(name)
            if marker is not None and (takes_limit_memory or name != "limit_memory"):
                trouble = None
                try:
                    take(*marker.args, **marker.kwargs)
                except (TypeError, ValueError) as error:
                    trouble = str(error).replace(f"{type(self).__name__}.", "").replace(take.__name__, name)
                if trouble is not None:
                    pytest.fail(f"the marker {name}: {trouble}", pytrace=False)

    def _take_memory(self, most):
        self.memory = sizes.parse(most)

    def _take_growth(self, most=0, *, warmup=WARMUP):
        if not isinstance(warmup, int) or warmup < 1:
            raise ValueError(f"warmup is a number from 1 on, not {warmup!r}")
        self.growth = sizes.parse(most)
        self.warmup = warmup


class _Plugin:
    def __init__(self, config):
        self.measures_all = config.getoption("ouro")
        self.n_top = config.getoption("ouro_top")
        self.root = str(config.rootpath)
        # The same marker of another plug-in's: that one's to check, unless ours is asked for.
        self.takes_limit_memory = self.measures_all or not config.pluginmanager.has_plugin("memray")
        self.measured = []  # of this process, or of all workers: (-peak, nodeid)

    # Innermost, around the test alone: `runtest` is what all kinds of tests have.
    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_call(self, item):
        limits = _Limits(item, self.takes_limit_memory)
        is_measured = self.measures_all or limits.memory is not None or limits.growth is not None
        if is_measured and host_module.find() is not None:
            run = item.runtest
            item.runtest = lambda: self.measure(item, run, limits)
            yield
            del item.runtest
        else:
            yield

    def measure(self, item, run, limits):
        """Run a test, as often as is needed, and fail it when it has too much memory."""
        collects = gc.isenabled()
        gc.disable()
        try:
            with Trace(_fresh=True):
                self.warm_up(run, limits.warmup)
                before = self.read(item, "LIVE") if limits.growth is not None else None
                _clean_up()
                with Trace() as memory:
                    try:
                        run()
                    finally:
                        item.ouro_memory = memory.peak_bytes
                    _clean_up()
                    self.check(item, limits, before)
        finally:
            if collects:
                gc.enable()

    @staticmethod
    def warm_up(run, times):
        for _ in range(times):
            run()
            _clean_up()

    def check(self, item, limits, before):
        messages = []
        if limits.memory is not None and item.ouro_memory > limits.memory:
            most, allowed = sizes.show(item.ouro_memory), sizes.show(limits.memory)
            messages.append(f"limit_memory: {most} at most, where {allowed} are allowed")
            messages += self.list(self.read(item, "PEAK"))
        if limits.growth is not None:
            grown = self.compare(before, self.read(item, "LIVE"))
            growth = sum(size for size, _ in grown.values())
            if growth > limits.growth:
                left, allowed = sizes.show(growth), sizes.show(limits.growth)
                messages.append(f"limit_growth: run {limits.warmup + 1} left {left}, where {allowed} are allowed")
                messages += self.list(grown)
        if messages:
            pytest.fail("\n".join(messages), pytrace=False)

    def read(self, item, which):
        """What the lines of the project hold, with what they called.  Where only this plug-in and pytest are on the stack
        the memory is theirs, and left out."""
        from . import holders

        def is_own(file):
            is_inside = file.startswith(self.root + os.sep) and f"{os.sep}site-packages{os.sep}" not in file
            return is_inside or file == test or file.startswith(OWN_FOLDER)

        test = str(item.path)
        sums = holders.read(getattr(holders, which), is_own)
        return {place: sums[place] for place in sums if not place[0].startswith(OWN_FOLDER)}

    @staticmethod
    def compare(before, after):
        changes = {}
        for place in {**before, **after}:
            was, now = before.get(place, (0, 0)), after.get(place, (0, 0))
            if was != now:
                changes[place] = (now[0] - was[0], now[1] - was[1])
        return changes

    def list(self, sums):
        """The lines that hold the most, each as a text."""
        places = sorted(sums, key=lambda place: (-sums[place][0], place))
        worth_it = sum(size for size, _ in sums.values()) / 100
        shown = [place for place in places[: self.n_top] if sums[place][0] >= worth_it]
        for place in shown:
            size, blocks = sums[place]
            file, line, function = place
            yield f"{sizes.show(size):>11} {blocks:>8} blocks  {os.path.relpath(file, self.root)}:{line} {function}"
        rest = places[len(shown) :]
        if rest:
            yield f"{sizes.show(sum(sums[place][0] for place in rest)):>11} {'':8} in {len(rest)} more lines"

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        if call.when == "call" and hasattr(item, "ouro_memory"):
            report.ouro_memory = item.ouro_memory  # goes from a worker of xdist to its controller
            del item.ouro_memory

    def pytest_runtest_logreport(self, report):
        if hasattr(report, "ouro_memory"):
            self.measured.append((-report.ouro_memory, report.nodeid))

    def pytest_terminal_summary(self, terminalreporter):
        if not self.measures_all or not self.measured:
            return
        terminalreporter.section("memory of tests, at most")
        for peak, nodeid in sorted(self.measured)[: self.n_top]:
            terminalreporter.write_line(f"{sizes.show(-peak):>11}  {nodeid}")
