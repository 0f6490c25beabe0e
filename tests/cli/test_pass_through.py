"""The program cannot tell, and whoever started it cannot tell, that somebody stands between."""

import os
import resource
import signal
import subprocess
import time

import pytest
from conftest import PYTHON

# Tells when it listens, then of each signal it gets, until SIGALRM.
LISTENER = """
import os, signal, sys
names = "HUP INT QUIT USR1 USR2 TERM CONT WINCH XCPU ABRT PIPE".split()
wanted = {getattr(signal, "SIG" + name) for name in names} | {signal.SIGRTMIN + 3}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted | {signal.SIGALRM})
print("ready", flush=True)
while True:
    got = signal.sigwait(wanted | {signal.SIGALRM})
    if got == signal.SIGALRM:
        break
    print(int(got), flush=True)
"""


def test_streams(lone):
    result = lone.run("--quiet", "sh", "-c", "cat; echo err >&2", input="some\nlines\n", stdin=None)
    assert (result.returncode, result.stdout, result.stderr) == (0, "some\nlines\n", "err\n")


def test_the_report_goes_to_standard_error_alone(lone):
    result = lone.run("echo", "out")
    assert result.stdout == "out\n"
    assert "ouro: echo out" in result.stderr


@pytest.mark.parametrize("code", [0, 1, 2, 77, 125, 126, 127, 128, 255])
def test_exit_codes(lone, code):
    result = lone.run("sh", "-c", f"exit {code}")
    assert result.returncode == code
    assert f"exit {code}\n" in result.stderr


@pytest.mark.parametrize("name", "TERM HUP INT QUIT SEGV ABRT KILL PIPE USR1 RTMIN".split())
def test_death_by_a_signal(lone, name):
    number = getattr(signal, f"SIG{name}")
    result = lone.run("sh", "-c", f"kill -{int(number)} $$")
    assert result.returncode == -number
    assert f"killed by SIG{name}" in result.stderr or "killed by signal" in result.stderr


def test_one_core_at_most(lone, tmp_path):
    pattern = open("/proc/sys/kernel/core_pattern").read().strip()
    if pattern != "core":
        pytest.skip(f"cores go to {pattern}")
    folder = tmp_path / "cores"
    folder.mkdir()

    def allow_cores():
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    result = lone.run("sh", "-c", "kill -SEGV $$", cwd=folder, preexec_fn=allow_cores)
    assert result.returncode == -signal.SIGSEGV
    assert len(list(folder.iterdir())) <= 1


def test_a_quiet_run_says_nothing(lone):
    result = lone.run("--quiet", "sh", "-c", "kill -TERM $$")
    assert (result.returncode, result.stdout, result.stderr) == (-signal.SIGTERM, "", "")


def listener(lone, **options):
    process = subprocess.Popen(
        [lone.path, "run", "--quiet", PYTHON, "-S", "-c", LISTENER],
        env=lone.environment(),
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process):
    """End the listener; what it still had to say."""
    process.send_signal(signal.SIGALRM)
    rest = process.stdout.read()
    assert process.wait(30) == 0
    process.stdout.close()
    return rest


@pytest.mark.parametrize("name", "HUP INT QUIT USR1 USR2 TERM WINCH XCPU ABRT PIPE RTMIN+3".split())
def test_signals_are_passed_on_once(lone, name):
    base, _, more = name.partition("+")
    number = getattr(signal, f"SIG{base}") + int(more or 0)
    process = listener(lone)
    for _ in range(3):
        process.send_signal(number)
        assert process.stdout.readline() == f"{int(number)}\n"
    assert finish(process) == ""


def test_a_signal_to_the_own_group_comes_once(lone):
    script = """
import os, signal, time
n = 0
def count(*_):
    global n
    n += 1
signal.signal(signal.SIGUSR1, count)
os.killpg(0, signal.SIGUSR1)
time.sleep(0.3)
print(n)
"""
    result = lone.run("--quiet", PYTHON, "-S", "-c", script, start_new_session=True)
    assert (result.returncode, result.stdout) == (0, "1\n")


def test_an_alarm_set_before_exec_reaches_the_program(lone):
    script = f'import os, signal, sys; signal.alarm(1); os.execv("{lone.path}", sys.argv[1:])'
    result = subprocess.run(
        [PYTHON, "-S", "-c", script, "ouro", "run", "--quiet", "sleep", "20"],
        env=lone.environment(),
        timeout=30,
        check=False,
    )
    assert result.returncode == -signal.SIGALRM


def test_term_ends_the_program_and_is_reported(lone):
    process = subprocess.Popen(
        [lone.path, "run", "sh", "-c", "echo ready; exec sleep 60"],
        env=lone.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert "killed by SIGTERM" in err


def signal_state(command, **options):
    def awkward():
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD, signal.SIGHUP, signal.SIGTSTP):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD})

    result = subprocess.run(
        [*command, "grep", "-E", "^Sig(Blk|Ign|Cgt|Pnd)", "/proc/self/status"],
        preexec_fn=awkward,
        restore_signals=False,
        stdout=subprocess.PIPE,
        timeout=30,
        check=True,
        **options,
    )
    return result.stdout


def test_mask_and_dispositions_are_as_before(lone):
    plain = signal_state([], env=lone.environment())
    assert plain == signal_state([lone.path, "run", "--quiet"], env=lone.environment())
    ignored = next(line for line in plain.decode().splitlines() if line.startswith("SigIgn"))
    assert int(ignored.split()[1], 16) & 1 << signal.SIGCHLD - 1


def test_an_ignored_sigchld_does_not_lose_the_exit_code(lone):
    result = lone.run(
        "sh", "-c", "exit 9", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    )
    assert result.returncode == 9
    assert "exit 9\n" in result.stderr


def descriptors(command, closing, env):
    """What `ls` sees open, as numbers; one of them is its own."""
    with open("/dev/null") as extra:
        os.set_inheritable(extra.fileno(), True)
        result = subprocess.run(
            ["sh", "-c", f'exec "$@" {closing}', "sh", *command, "ls", "/proc/self/fd"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[extra.fileno()],
            timeout=30,
            check=False,
        )
        assert str(extra.fileno()) in result.stdout.decode().split()
        return result.stdout


@pytest.mark.parametrize("closing", ["", "<&-", "2>&-", "<&- 2>&-"])
def test_descriptors(lone, closing):
    env = lone.environment()
    plain = descriptors([], closing, env)
    assert plain == descriptors([lone.path, "run", "--quiet"], closing, env)
    assert plain == descriptors([lone.path, "run"], closing, env)


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_get_nothing_and_break_nothing(lone, tmp_path, closing):
    result = tmp_path / "result.json"
    report = tmp_path / "report"
    command = f'exec "$@" {closing}'
    done = subprocess.run(
        ["sh", "-c", command, "sh", lone.path, "run", "--json", result, "--report", report, "sh", "-c", "exit 4"],
        env=lone.environment(),
        timeout=30,
        check=False,
    )
    assert done.returncode == 4
    assert result.read_text().startswith("{") and result.read_text().endswith("}\n")
    assert report.read_text().count("exit 4\n") == 1


def test_a_reader_of_the_report_that_has_gone(lone):
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        result = lone.run("sh", "-c", "exit 5", stderr=write_end)
    finally:
        os.close(write_end)
    assert result.returncode == 5


def test_the_folder_is_as_before(lone, tmp_path):
    result = lone.run("--quiet", "pwd", "-P", cwd=tmp_path)
    assert result.stdout == f"{tmp_path.resolve()}\n"


def test_what_the_environment_gains(lone):
    plain = set(subprocess.check_output(["env"], env=lone.environment(A="b"), text=True).splitlines())
    under = set(lone.run("--quiet", "env", env={"A": "b"}).stdout.splitlines())
    assert plain - under == set()
    assert {line.split("=")[0] for line in under - plain} == {
        "LD_PRELOAD",
        "OURO_SESSION",
        "OURO_GC",
        "OURO_FOLLOW",
        "OURO_TRACE",
    }


def test_options_reach_the_environment(lone):
    script = 'echo "$OURO_GC $OURO_FOLLOW $OURO_LIMIT $OURO_DEBUG"'
    assert lone.run("--quiet", "sh", "-c", script).stdout == "paced 1  \n"
    given = ["--gc=stock", "--no-follow", "--limit=1M", "--debug"]
    assert lone.run("--quiet", *given, "sh", "-c", script).stdout == "stock 0 1048576 1\n"


def test_a_preload_that_was_there_stays(lone, lone_tree):
    other = lone_tree / "lib" / "other.so"
    if not other.exists():
        other.symlink_to(lone_tree / "lib" / "libouro-host.so")
    out = lone.run("--quiet", "sh", "-c", "echo $LD_PRELOAD", env={"LD_PRELOAD": str(other)}).stdout
    assert out == f"{lone_tree / 'lib' / 'libouro-host.so'}:{other}\n"


def test_a_path_that_a_preload_cannot_hold(lone_tree, tmp_path, temporary):
    import shutil

    from conftest import Tool

    tree = tmp_path / "a b:c$d"
    shutil.copytree(lone_tree, tree, symlinks=True)
    result = Tool(tree / "bin" / "ouro", temporary).run("--quiet", "sh", "-c", "echo $LD_PRELOAD; exit 3")
    assert result.returncode == 3
    assert (result.stdout.count(":"), result.stderr) == (0, "")
    assert result.stdout.startswith(str(temporary))


def test_a_program_that_is_stopped_for_a_moment(lone):
    """Without a terminal a SIGSTOP is nobody's job control: the tool must not stop for good."""
    script = "(sleep 0.3; kill -CONT $$) & kill -STOP $$; exit 6"
    began = time.monotonic()
    result = lone.run("--quiet", "sh", "-c", script, start_new_session=True, timeout=20)
    assert result.returncode == 6
    assert time.monotonic() - began > 0.25


def test_many_short_runs(lone):
    for i in range(60):
        assert lone.run("--quiet", "sh", "-c", f"exit {i}").returncode == i


def test_tmpdir_that_is_not_there(lone):
    for folder in ("/no/such/folder", "relative", "", None):
        result = lone.run("--quiet", "sh", "-c", "echo $OURO_SESSION", env={"TMPDIR": folder})
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith(("/dev/shm/ouro-run.", "/tmp/ouro-run."))
        assert not os.path.exists(result.stdout.strip())


def test_what_a_program_puts_into_the_session_folder_goes_too(lone):
    script = """cd $OURO_SESSION; mkdir -p a/b; touch a/b/c d; ln -s /etc e; mkfifo f; mkdir g; ln -s / g/h
    echo x > 1.0.rec; mkfifo 2.0.rec; mkdir 3.0.rec; ln -s /etc/passwd 4.0.rec; pwd"""
    result = lone.run("sh", "-c", script)
    assert result.returncode == 0
    assert "4 records could not be read" in result.stderr
    assert not os.path.exists(result.stdout.strip())
    assert os.path.exists("/etc/passwd")
