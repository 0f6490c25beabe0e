"""Run one module of CPython's own test suite and write down how every test case ended.

    PYTHON outcomes.py FILE MODULE [regrtest options]

This runs inside the CPython under test (3.9 to 3.15), so it uses nothing but the standard library
and little of that.  CPython's own runner, `python -m test`, does the work; only the results are
listened to.  Each event is appended to FILE as one line, a Python literal, and the file is closed
again: when the process crashes, FILE still tells what ran and what was running.

Lines are tuples: ("maps", host) once, host being whether Ouro's host library is in this process;
("begin", id); ("end", id); (outcome, id, text), where outcome is pass, fail, error, skip, xfail or
xpass, and text the traceback or the reason to skip.
"""

import os
import sys
import unittest
from unittest.case import _SubTest

# Tests replace functions of os for their own ends, and fork: keep the originals, know the process.
_open, _write, _close, _getpid = os.open, os.write, os.close, os.getpid


class Log:
    def __init__(self, path):
        self.path = os.path.abspath(path)
        self.pid = _getpid()

    def add(self, *event):
        if _getpid() != self.pid:
            return
        line = (ascii(event) + "\n").encode("ascii")
        fd = _open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            _write(fd, line)
        finally:
            _close(fd)


def name_of(test):
    """The test's name; a subtest counts for the test that it is part of."""
    case = test.test_case if isinstance(test, _SubTest) else test
    # Some tests keep a number of their own in an attribute of that name.
    return case.id() if callable(case.id) else unittest.TestCase.id(case)


def text_of(detail):
    if not isinstance(detail, tuple):
        return str(detail or "")
    import traceback
    return "".join(traceback.format_exception(*detail))[-4000:]


def listen(log):
    """Have every unittest result, whatever its class, tell the log."""
    base = unittest.TestResult

    def wrap(method, outcome):
        original = getattr(base, method)

        def told(self, test, *details):
            log.add(outcome, name_of(test), *(text_of(d) for d in details[:1]))
            return original(self, test, *details)

        setattr(base, method, told)

    for method, outcome in (
        ("startTest", "begin"),
        ("stopTest", "end"),
        ("addSuccess", "pass"),
        ("addFailure", "fail"),
        ("addError", "error"),
        ("addSkip", "skip"),
        ("addExpectedFailure", "xfail"),
        ("addUnexpectedSuccess", "xpass"),
    ):
        wrap(method, outcome)

    sub = base.addSubTest

    def told(self, test, subtest, error):
        if error is not None:
            failed = issubclass(error[0], test.failureException)
            log.add("fail" if failed else "error", name_of(test),
                    subtest._subDescription() + "\n" + text_of(error))
        return sub(self, test, subtest, error)

    base.addSubTest = told


def main():
    log = Log(sys.argv[1])
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        log.add("maps", "libouro-host.so" in maps.read())
    listen(log)
    # What follows shall look like `python -m test` in an empty folder.
    sys.path[0] = os.getcwd()
    sys.argv = ["test"] + sys.argv[3:] + [sys.argv[2]]
    import runpy
    runpy.run_module("test", run_name="__main__", alter_sys=False)


if __name__ == "__main__":  # multiprocessing imports this file again in its children
    main()
