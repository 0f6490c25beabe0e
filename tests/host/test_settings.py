"""What the environment asks of the host: a limit, the debug heap, and not to follow."""

import json
import sys

import native
import pytest

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"

LIMITED = """
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(void)
{
    long n = 0;
    errno = 0;
    while (n < 1000) {
        char *block = malloc(1000000);
        if (block == NULL) {
            break;
        }
        memset(block, 1, 1000000);
        n++;
    }
    printf("%ld %d\\n", n, errno == ENOMEM);
    return 0;
}
"""


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return native.Records(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def session(tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limited")
    (folder / "limited.c").write_text(LIMITED)
    return native.compile_program(folder, folder / "limited.c")


def test_a_limit_refuses_and_tells(limited, session, records):
    result = native.run_on_host([limited], session=session, changes={"OURO_LIMIT": str(100 << 20)})
    n, refused = map(int, result.stdout.split())
    assert 85 <= n <= 104 and refused == 1
    record = records.one(session)
    assert record["limit"] == 100 << 20
    assert record["limit_refusals"] >= 1
    assert record["limit_last_size"] == 1000000
    assert sum(record["peak"]["live"]) <= 100 << 20


@pytest.mark.parametrize("limit", ["", "many", "100x", "-5", "99999999999999999999999999"])
def test_a_limit_that_is_no_number_is_none(limited, session, records, limit):
    result = native.run_on_host([limited], session=session, changes={"OURO_LIMIT": limit})
    assert result.stdout == "1000 0\n"
    assert records.one(session)["limit"] == 0


def test_the_limit_holds_in_children(limited, session, records):
    changes = {"OURO_LIMIT": str(50 << 20)}
    native.run_on_host(["sh", "-c", f"{limited}; {limited}"], session=session, changes=changes)
    limits = [record for record in records(session) if record["command"] == [str(limited)]]
    assert len(limits) == 2 and all(record["limit_refusals"] >= 1 for record in limits)


MISTAKES = """
#include <stdlib.h>
#include <string.h>

int
main(int n_arguments, char **arguments)
{
    char *volatile block = malloc(100);
    if (n_arguments < 2) {
        return 1;
    }
    if (strcmp(arguments[1], "overflow") == 0) {
        block[100] = 1;
        free(block);
    } else if (strcmp(arguments[1], "resized") == 0) {
        block = realloc(block, 200);
        block[200] = 1;
        free(block);
    } else if (strcmp(arguments[1], "twice") == 0) {
        free(block);
        free(block);
    } else if (strcmp(arguments[1], "inside") == 0) {
        free(block + 16);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "mistakes.c").write_text(MISTAKES)
    return native.compile_program(folder, folder / "mistakes.c", "-Wno-error=use-after-free", "-w")


@pytest.mark.parametrize("mistake", ["overflow", "twice", "inside"])
def test_the_debug_heap_finds_mistakes(mistakes, session, mistake):
    changes = {"OURO_DEBUG": "1"}
    result = native.run_on_host([mistakes, mistake], session=session, check=False, changes=changes)
    assert result.returncode == -6
    assert result.stderr.startswith("ouro: ")
    if mistake != "inside":
        assert "100" in result.stderr


@pytest.mark.parametrize("tracing", [None, "0:0", "524288:0"], ids=["plain", "exact", "sampled"])
@pytest.mark.parametrize("mistake", ["overflow", "resized"])
def test_the_debug_heap_names_the_place(mistakes, session, mistake, tracing):
    changes = {"OURO_DEBUG": "1"} | ({"OURO_TRACE": tracing} if tracing else {})
    result = native.run_on_host([mistakes, mistake], session=session, check=False, changes=changes)
    assert result.returncode == -6
    [allocated] = [line for line in result.stderr.splitlines() if "allocated at" in line]
    assert str(mistakes) in allocated


def test_the_debug_heap_is_told_in_the_record(mistakes, session, records):
    native.run_on_host([mistakes, "none"], session=session, changes={"OURO_DEBUG": "1"})
    assert records.one(session)["debug"] == 1


def test_twice_freed_is_found_without_it(mistakes):
    result = native.run_on_host([mistakes, "twice"], check=False)
    assert result.returncode == -6 and "double free" in result.stderr


# ---- --no-follow ----


def hidden(command, **changes):
    result = native.run_on_host(command, changes={"OURO_FOLLOW": "0", **changes})
    return json.loads(result.stdout)


def test_followed_by_default(session, records):
    result = native.run_on_host(["sh", "-c", "ls / >/dev/null; echo $LD_PRELOAD"], session=session)
    assert result.stdout.strip() == str(native.HOST)
    assert any(record["command"][0] == "ls" for record in records(session))


def test_not_followed_on_request(session, records):
    environment = hidden(
        [sys.executable, "-c", SHOW], OURO_SESSION=str(session), OURO_LIMIT="100000000000", OURO_GC="stock"
    )
    assert not [name for name in environment if name.startswith("OURO_") or name == "LD_PRELOAD"]
    assert len(records(session)) == 1


def test_forked_children_make_no_record_then(session, records):
    script = "import os; pid = os.fork(); os.waitpid(pid, 0) if pid else None"
    native.run_on_host([sys.executable, "-c", script], session=session, changes={"OURO_FOLLOW": "0"})
    assert len(records(session)) == 1


@pytest.mark.parametrize("separator", [":", " "])
@pytest.mark.parametrize("place", ["first", "last", "middle"])
def test_other_preloads_stay(separator, place):
    others = ["libm.so.6", "libdl.so.2"]
    items = {"first": [str(native.HOST), *others], "last": [*others, str(native.HOST)]}.get(
        place, [others[0], str(native.HOST), others[1]]
    )
    environment = hidden([sys.executable, "-c", SHOW], LD_PRELOAD=separator.join(items))
    assert environment["LD_PRELOAD"] == separator.join(others)


def test_the_rest_of_the_environment_stays():
    environment = hidden([sys.executable, "-c", SHOW], HELLO="world", EMPTY="", OUROBOROS="a snake")
    assert environment["HELLO"] == "world" and environment["EMPTY"] == "" and environment["OUROBOROS"] == "a snake"


def test_programs_read_it_from_everywhere():
    """bash builds its environment anew, env prints it, and both see what is left."""
    for command in (["env"], ["bash", "-c", "export -p"], ["perl", "-e", "print join(qq(\n), %ENV)"]):
        out = native.run_on_host(command, changes={"OURO_FOLLOW": "0", "OURO_GC": "stock"}).stdout
        assert "OURO_" not in out and "LD_PRELOAD" not in out and "PATH" in out
