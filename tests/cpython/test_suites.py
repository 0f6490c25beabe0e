"""Does the comparison see what it must?  suites.py judged by made-up runs of a module."""

import expected
import pytest
import suites


def make_result(hosted=True, code=0, **outcomes):
    return suites.Result(dict(outcomes), {}, code, 1.0, hosted)


def test_a_failure_under_ouro_alone_is_a_difference():
    plain = make_result(a="pass", b="pass", c="fail")
    ouro = make_result(a="pass", b="error", c="fail")
    assert list(suites.compare(plain, ouro)) == ["b"]


def test_a_test_that_no_longer_runs_is_a_difference():
    plain = make_result(a="pass", b="pass", c="skip")
    ouro = make_result(a="skip")
    assert sorted(suites.compare(plain, ouro)) == ["a", "b"]


def test_after_a_crash_what_did_not_run_is_not_told_one_by_one():
    plain = make_result(a="pass", b="pass", c="pass")
    ouro = make_result(a="pass", b="running", **{"(crash)": "error"})
    assert sorted(suites.compare(plain, ouro)) == ["(crash)", "b"]


def test_a_run_without_the_host_proves_nothing():
    plain = make_result(a="pass")
    assert list(suites.compare(plain, make_result(hosted=False, a="pass"))) == ["(host)"]


class Scripted(suites.Runner):
    """A runner whose runs are given."""

    def __init__(self, plain, ouro):
        super().__init__({}, "unused")
        self.runs = {"plain": list(plain), "paced": list(ouro)}

    def run(self, python, module, mode, turn=0):
        return self.runs[mode].pop(0)


PYTHON = suites.Python("python3", (3, 11, 2), False, False, False, frozenset())
GOOD, WRONG = make_result(a="pass"), make_result(a="fail")
CRASH = make_result(a="running", code=-11, **{"(crash)": "error"})


def judge(plain, ouro, module="test_none"):
    return Scripted(plain, ouro).judge(PYTHON, module, "paced")


def test_a_lasting_failure_differs():
    outcome = judge([GOOD] * 3, [WRONG] * 3)
    assert [(d.test, d.wrong, d.runs) for d in outcome.differs] == [("a", 3, 3)]


def test_a_passing_failure_is_unsteady():
    outcome = judge([GOOD] * 3, [WRONG, GOOD, GOOD])
    assert not outcome.differs
    assert [(d.test, d.wrong, d.runs) for d in outcome.unsteady] == [("a", 1, 3)]


def test_what_goes_wrong_without_ouro_too_is_no_difference():
    outcome = judge([GOOD, WRONG], [WRONG])
    assert not outcome.differs and not outcome.unsteady


@pytest.mark.parametrize("ouro", [[CRASH, GOOD, GOOD], [WRONG, CRASH, GOOD]])
def test_a_crash_is_never_unsteady(ouro):
    assert "(crash)" in [d.test for d in judge([GOOD] * 3, ouro).differs]


def test_an_expected_failure_is_told_with_its_reason(monkeypatch):
    monkeypatch.setattr(expected, "ENTRIES", [expected.Entry("test_none", "a", "because")])
    outcome = judge([GOOD], [WRONG])
    assert not outcome.differs
    assert [(d.test, d.reason) for d in outcome.expected] == [("a", "because")]


def test_every_expected_entry_has_a_reason_and_is_no_net():
    for entry in expected.ENTRIES:
        assert len(entry.reason.split()) >= 4
        assert entry.test.strip("*."), "a pattern for everything"


def test_the_record_of_a_process_that_died_tells_what_was_running(tmp_path):
    log = tmp_path / "outcomes"
    log.write_text("('maps', True)\n('begin', 'm.a')\n('pass', 'm.a')\n('end', 'm.a')\n"
                   "('begin', 'm.b at 0x7f00')\n('fai")
    outcomes, _, hosted = suites.read_log(log)
    assert outcomes == {"m.a": "pass", "m.b at 0x": "running"}
    assert hosted


def test_a_subtest_that_fails_fails_its_test(tmp_path):
    log = tmp_path / "outcomes"
    log.write_text("('begin', 'm.a')\n('fail', 'm.a', '(i=1)')\n('end', 'm.a')\n")
    assert suites.read_log(log)[0] == {"m.a": "fail"}


@pytest.mark.parametrize("code, outcome, end", [
    (0, "pass", None), (2, "fail", None), (2, "pass", "(exit)"),
    (-11, "running", "(crash)"), (134, "running", "(crash)"), (None, "running", "(timeout)"),
])
def test_how_the_process_ended(tmp_path, code, outcome, end):
    log = tmp_path / "log"
    log.write_text("the end")
    outcomes = {"a": outcome}
    suites.add_end(outcomes, {}, code, str(log))
    assert [test for test in outcomes if test != "a"] == ([end] if end else [])
