"""Tests of CPython's own suites that cannot pass on another heap, each with the reason.

An entry: the module (its names in different versions, with | between), a pattern over the whole name of
the test, the versions (both ends included), the modes of run, and the reason, which is printed and
goes into docs/matrix.md.  A test that passes all the same is no error.
"""

import dataclasses
import fnmatch


@dataclasses.dataclass(frozen=True)
class Entry:
    module: str
    test: str
    reason: str
    versions: str = "3.9-3.15"
    modes: str = "paced stock debug"

    def holds_for(self, version, module, mode, test):
        low, high = (tuple(map(int, v.split("."))) for v in self.versions.split("-"))
        return (module in self.module.split("|") and mode in self.modes.split()
                and low <= version[:2] <= high and fnmatch.fnmatchcase(test, self.test))


def find_reason(version, module, mode, test):
    """Why this test need not pass, or an empty string."""
    return next((e.reason for e in ENTRIES if e.holds_for(version, module, mode, test)), "")


ENTRIES = [
    Entry("test_cmd_line", "*.CmdLineTest.test_pythonmalloc",
          "asserts the names of the allocators: CPython has names for its own only"),
    Entry("test_cmd_line", "*.CmdLineTest.test_python_malloc_stats",
          "asserts that PYTHONMALLOCSTATS prints the arenas of pymalloc, which is not in use"),
    Entry("test_sys", "*.SysModuleTest.test_debugmallocstats",
          "asserts that sys._debugmallocstats() prints the arenas of pymalloc, which is not in use"),
    Entry("test_sys", "*.SysModuleTest.test_getallocatedblocks",
          "asserts that pymalloc has blocks: sys.getallocatedblocks() counts its blocks only"),
    Entry("test_descr", "*.ClassPropertiesAndMethods.test_slots",
          "asserts that no collection untracks a tuple between two calls: pacing looks at other moments",
          modes="paced"),
    Entry("test_fileio|test_io", "*AutoFileTests.test_syscalls_read",
          "skips itself when LD_PRELOAD is set, for fear of calls that strace would not see",
          versions="3.14-3.15"),
    Entry("test_subprocess", "*.POSIXProcessTestCase.test_vfork_used_when_expected",
          "skips itself when LD_PRELOAD is set, for fear of calls that strace would not see",
          versions="3.14-3.15"),
]
