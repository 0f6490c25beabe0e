"""The record of a process: its beginning, every end, and the processes that come from it."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import native
import pytest
from native import ENDED, REPLACED, RUNNING

MIB = 1 << 20


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return native.Records(tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    return native.compile_program(tmp_path_factory.mktemp("ends"), "ends.c")


@pytest.fixture(scope="module")
def children(tmp_path_factory):
    return native.compile_program(tmp_path_factory.mktemp("children"), "children.c")


@pytest.fixture
def session(tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    return folder


def live(moment):
    return sum(moment["live"])


@pytest.mark.parametrize(
    "how, code, known",
    [
        ("return", 3, 3),
        ("exit", 3, 3),
        ("_exit", 3, 3),
        ("_Exit", 3, 3),
        ("quick_exit", 3, -1),  # its handlers are not told
        ("pthread_exit", 0, 0),
        ("exit_in_handler", 7, 7),
        ("_exit_in_handler", 7, 7),
        ("execfail", 5, 5),
    ],
)
def test_every_end_is_recorded(ends, session, records, how, code, known):
    result = native.run_on_host([ends, how], session=session, check=False)
    assert (result.returncode, result.stderr) == (code, "")
    record = records.one(session)
    assert record["state"] == ENDED
    assert record["exit_status"] == known
    assert record["sequence"] % 2 == 0
    assert record["command"] == [str(ends), how]
    assert record["executable"] == str(ends)
    assert record["forked"] == 0
    assert record["ppid"] == os.getpid()
    assert record["lasted_ns"] > 0
    assert record["user_ns"] + record["system_ns"] > 0
    assert record["n_allocs"][0] > record["n_frees"][0]
    assert live(record["peak"]) >= live(record["last"]) > 0
    assert record["peak_resident"] >= record["last"]["resident"] > MIB
    native.check_sum(record["peak"])
    native.check_sum(record["last"])


def test_blocks_that_live_to_the_end_are_counted(ends, session, records):
    native.run_on_host([ends, "exit"], session=session, check=False)
    record = records.one(session)
    assert 3_000_000 <= live(record["last"]) < 3_200_000
    assert record["last"]["untouched"] < 100_000  # it was all written
    assert 1 <= record["last"]["blocks"][0] == record["n_allocs"][0] - record["n_frees"][0]


@pytest.mark.parametrize("how", ["abort", "kill"])
def test_a_crash_leaves_the_last_figures(ends, session, records, how):
    result = native.run_on_host([ends, how], session=session, check=False)
    assert result.returncode == -{"abort": signal.SIGABRT, "kill": signal.SIGKILL}[how]
    record = records.one(session)
    assert (record["state"], record["exit_status"]) == (RUNNING, -1)
    assert live(record["peak"]) >= 3_000_000


@pytest.mark.parametrize(
    "how", ["execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve"]
)
def test_exec_ends_one_record_and_begins_the_next(ends, session, records, how):
    result = native.run_on_host([ends, how, ends], session=session, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (6, "replaced\n", "")
    before, after = records(session)
    assert before["pid"] == after["pid"]
    assert (before["state"], after["state"]) == (REPLACED, ENDED)
    assert after["exit_status"] == 6
    assert 3_000_000 <= live(before["last"])
    assert after["command"][1] == "replaced"


def test_children_begin_their_own(children, session, records):
    native.run_on_host([children, "tree"], session=session)
    parent, child, grandchild = records(session)
    assert [record["exit_status"] for record in (parent, child, grandchild)] == [0, 1, 2]
    assert child["ppid"] == parent["pid"] and grandchild["ppid"] == child["pid"]
    assert [record["forked"] for record in (parent, child, grandchild)] == [0, 1, 1]
    assert child["command"] == parent["command"] == [str(children), "tree"]
    assert live(parent["last"]) < live(child["last"]) - 1_900_000
    assert live(child["last"]) < live(grandchild["last"]) - 3_900_000
    # Counts begin at the fork, blocks that were there stay.
    assert 1 <= child["n_allocs"][0] < 20 and 1 <= grandchild["n_allocs"][0] < 20
    for record in (parent, child, grandchild):
        assert record["state"] == ENDED
        native.check_sum(record["last"])


def test_a_child_in_our_memory_leaves_our_record_alone(children, session, records):
    """vfork(): the child ends by _exit(9), and another one execs."""
    native.run_on_host([children, "vfork"], session=session)
    parent, true = records(session)
    assert (parent["state"], parent["exit_status"]) == (ENDED, 0)
    assert parent["command"] == [str(children), "vfork"]
    assert true["command"] == ["true"] and true["forked"] == 0


def test_a_daemon_is_followed_and_no_descriptor_is_kept(children, session, records):
    """It closes all its descriptors; its record goes on."""
    native.run_on_host([children, "daemon"], session=session)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        daemon = [record for record in records(session) if live(record["peak"]) > 4_900_000]
        if daemon and daemon[0]["state"] == ENDED:
            break
        time.sleep(0.05)
    (daemon,) = daemon
    assert daemon["exit_status"] == 0 and daemon["forked"] == 1


def test_a_forked_child_of_many(children, session, records):
    native.run_on_host([children, "storm", "100"], session=session)
    everyone = records(session)
    assert len(everyone) == 1 + 100 + 10
    assert all(record["state"] == ENDED and record["exit_status"] == 0 for record in everyone)


def test_no_descriptor_is_open_in_the_program(session):
    result = native.run_on_host(["ls", "-l", "/proc/self/fd"], session=session)
    assert ".rec" not in result.stdout and "/proc/self/statm" not in result.stdout
    plain = native.run(["ls", "/proc/self/fd"], native.clean_environment())
    assert len(result.stdout.splitlines()) - 1 == len(plain.stdout.split())


# A program that grows: the highest moment is caught though the end is low.
GROW_AND_SHRINK = """
import ctypes, sys
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
size = int(sys.argv[1])
blocks = [libc.malloc(size) for _ in range(64 * 1024 * 1024 // size)]
for block in blocks:
    libc.memset(block, 1, size)
last = libc.malloc(300000)
for block in blocks:
    libc.free(block)
"""


@pytest.mark.parametrize("size", [1000, 30000, 4000000])
def test_the_peak_is_caught(session, records, size):
    native.run_on_host([sys.executable, "-c", GROW_AND_SHRINK, size], session=session)
    record = records(session)[-1]
    assert record["peak"]["live"][0] >= 64_000_000 * 31 / 32 - MIB
    assert record["last"]["live"][0] < 10 * MIB
    assert record["peak_resident"] > 60 * MIB
    assert 2 <= record["n_samples"] < 5000
    native.check_sum(record["peak"])


def test_blocks_that_are_never_written_are_not_resident(session, records):
    script = GROW_AND_SHRINK.replace("libc.memset(block, 1, size)", "pass").replace("libc.free(block)", "pass")
    native.run_on_host([sys.executable, "-c", script, 4000000], session=session)
    record = records(session)[-1]
    assert record["last"]["untouched"] > 55 * MIB
    assert record["peak_resident"] < 60 * MIB


# ---- where no record can be kept, the program runs as ever ----


def test_without_a_session(ends):
    result = native.run_on_host([ends, "exit"], check=False)
    assert (result.returncode, result.stderr) == (3, "")


@pytest.mark.parametrize("where", ["/nonexistent/folder", "/proc", "/dev/null", "x" * 3000])
def test_with_a_session_that_is_not_usable(ends, where):
    result = native.run_on_host([ends, "exit"], session=where, check=False)
    assert (result.returncode, result.stderr) == (3, "")


def test_where_files_may_not_be_written(ends, session, records):
    """Past RLIMIT_FSIZE the kernel sends SIGXFSZ, which would end the program."""
    for limit in (0, 4095):
        result = native.run_on_host(
            [ends, "exit"],
            session=session,
            check=False,
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        assert (result.returncode, result.stderr) == (3, "")
    assert records(session) == []


def test_where_no_file_can_be_opened(tmp_path, session):
    """The last descriptor is taken when the program begins to grow: moments go without the kernel's figures."""
    source = tmp_path / "closed.c"
    source.write_text(
        """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int
main(void)
{
    struct rlimit none = {3, 3};
    setrlimit(RLIMIT_NOFILE, &none);
    for (int i = 0; i < 100; i++) {
        char *block = malloc(1000000);
        memset(block, 1, 1000000);
    }
    puts("ok");
}
"""
    )
    program = native.compile_program(tmp_path, source)
    assert native.run_on_host([program], session=session).stdout == "ok\n"


def test_on_a_full_disk(ends, tmp_path):
    """A record that can't be written must not become a SIGBUS."""
    if not Path("/dev/full").exists() or os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(small)], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system here: {mounted.stderr.strip()}")
    try:
        (small / "filler").write_bytes(b"x" * 8192)
        for _ in range(3):
            result = native.run_on_host([ends, "exit"], session=small, check=False)
            assert (result.returncode, result.stderr) == (3, "")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_with_little_address_space(ends, session):
    """ulimit -v: the heap asks for no more addresses than it uses."""
    limit = 64 * MIB
    result = native.run_on_host(
        [ends, "exit"],
        session=session,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert (result.returncode, result.stderr) == (3, "")


def test_after_privileges_and_root_are_given_up(tmp_path, session):
    """chroot, another user, then fork: the child can't make its record, and doesn't mind."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    source = tmp_path / "jail.c"
    source.write_text(
        """
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int n_arguments, char **arguments)
{
    if (n_arguments != 2 || chroot(arguments[1]) != 0 || chdir("/") != 0 || setgid(65534) != 0 ||
        setuid(65534) != 0) {
        return 1;
    }
    char *block = malloc(50000000);
    memset(block, 1, 50000000);
    pid_t child = fork();
    if (child == 0) {
        block = malloc(60000000);
        memset(block, 1, 60000000);
        _exit(block[5]);
    }
    int status;
    waitpid(child, &status, 0);
    puts(WIFEXITED(status) && WEXITSTATUS(status) == 1 ? "ok" : "not ok");
}
"""
    )
    program = native.compile_program(tmp_path, source)
    jail = tmp_path / "root"
    jail.mkdir()
    assert native.run_on_host([program, jail], session=session).stdout == "ok\n"
    assert len(list(session.iterdir())) == 1


def test_traces_of_another_user(tmp_path):
    """What gave up its rights before it ended can't write its traces: its record and the report on it say why."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    report, file = tmp_path / "report.json", tmp_path / "run.ouro"
    code = "import os; keep = [[] for _ in range(10000)]; os.setgid(65534); os.setuid(65534); os._exit(3)"
    command = [native.OURO, "run", "--quiet", "--trace=exact", "--json", report, "-o", file, sys.executable, "-c", code]
    run = native.run(command, native.clean_environment())
    assert run.returncode == 3
    (process,) = json.loads(report.read_text())["processes"]
    assert "another user" in process["note"]
    shown = native.run([native.OURO, "report", file], native.clean_environment())
    assert shown.returncode == 0 and "another user" in shown.stdout


def test_under_a_strict_filter_of_system_calls(tmp_path, session):
    """seccomp's strict mode allows read, write, exit and sigreturn: blocks that are there can be used."""
    source = tmp_path / "strict.c"
    source.write_text(
        """
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int
main(void)
{
    for (int i = 0; i < 100; i++) {
        free(malloc(100));
    }
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    for (int i = 0; i < 100; i++) {
        free(malloc(100));
    }
    if (write(1, "ok\\n", 3) == 3) {
        syscall(SYS_exit, 0);
    }
}
"""
    )
    program = native.compile_program(tmp_path, source)
    assert native.run_on_host([program], session=session).stdout == "ok\n"
