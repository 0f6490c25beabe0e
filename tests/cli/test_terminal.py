"""At a terminal: Ctrl-C, Ctrl-Z, hanging up, colours and widths."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from conftest import PYTHON


class Terminal:
    """A program that is the leader of a session of its own, and the terminal's other end."""

    def __init__(self, arguments, env, columns=80):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                # What comes must not depend on how the tests themselves were started.
                for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP):
                    signal.signal(number, signal.SIG_DFL)
                fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
                os.execve(arguments[0], arguments, env)
            finally:
                os._exit(111)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the last process has closed it
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def expect(self, pattern, seconds=20):
        """Wait for a text; what was seen up to it is dropped."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen, re.S)):
            if not self.read(max(0, deadline - time.monotonic())) and time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} did not come; there was: {self.seen!r}")
        before = self.seen[: found.end()]
        self.seen = self.seen[found.end() :]
        return before

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self, seconds=20):
        """All that is still said, and the wait status."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.read(0.05):
                    pass
                return self.seen, status
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError(f"it did not end; there was: {self.seen!r}")


@pytest.fixture
def terminal():
    opened = []

    def terminal(tool, *arguments, columns=80, **env):
        opened.append(Terminal(list(map(str, arguments)), tool.environment(**env), columns))
        return opened[-1]

    yield terminal
    for one in opened:
        os.close(one.fd)


def test_ctrl_c_ends_the_program_and_is_reported(lone, terminal):
    it = terminal(lone, lone.path, "run", "sh", "-c", "echo ready; exec sleep 60")
    it.expect("ready")
    it.type("\x03")
    said, status = it.end()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT
    assert "killed by SIGINT" in said


def test_ctrl_c_that_the_program_handles_comes_once(lone, terminal):
    script = """
import signal, time
n = 0
def count(*_):
    global n
    n += 1
signal.signal(signal.SIGINT, count)
signal.signal(signal.SIGQUIT, count)
print("ready", flush=True)
for i in (1, 2):
    while n < i:
        time.sleep(0.01)
    print("got", n, flush=True)
time.sleep(0.2)
print("all", n)
raise SystemExit(8)
"""
    it = terminal(lone, lone.path, "run", PYTHON, "-S", "-c", script)
    it.expect("ready")
    it.type("\x03")
    it.expect("got 1")
    it.type("\x1c")
    it.expect("got 2")
    said, status = it.end()
    assert "all 2" in said and "exit 8" in said
    assert os.waitstatus_to_exitcode(status) == 8


def test_hanging_up_reaches_the_program(lone, terminal, tmp_path):
    """The kernel tells the leader of the session, which is the tool: it has to pass that on."""
    mark = tmp_path / "hung-up"
    script = f"""
import os, signal
def hung_up(*_):
    open({str(mark)!r}, "a").write("x")
    os._exit(0)
signal.signal(signal.SIGHUP, hung_up)
print("ready", flush=True)
while True:
    signal.pause()
"""
    it = Terminal([lone.path, "run", "--quiet", PYTHON, "-S", "-c", script], lone.environment())
    it.expect("ready\r\n")  # before its end the write would fail, and the program end of that
    os.close(it.fd)
    assert os.waitpid(it.pid, 0)[1] == 0
    assert mark.read_text() == "x"


def test_hanging_up_late_changes_nothing(lone):
    """The kernel tells the leader of the session and then the group: the program may be over between the two."""
    command = [lone.path, "run", "--quiet", "sh", "-c", "trap '' HUP; echo ready; exit 3"]
    for _ in range(20):
        tool = subprocess.Popen(command, env=lone.environment(), stdout=subprocess.PIPE)
        assert tool.stdout.readline() == b"ready\n"
        while tool.poll() is None:
            tool.send_signal(signal.SIGHUP)
        tool.stdout.close()
        assert tool.returncode == 3


def shell(terminal, lone, **env):
    it = terminal(lone, "/bin/bash", "--norc", "--noprofile", "-i", PS1="<prompt>", HISTFILE=None, **env)
    it.expect("<prompt>")
    return it


def test_ctrl_z_and_fg_under_a_shell(lone, terminal):
    it = shell(terminal, lone)
    it.type(f"{lone.path} run --quiet sh -c 'echo be''gun; read x; echo \"<$x>\"; exit 7'\n")
    it.expect("begun\r\n")
    for _ in range(2):
        it.type("\x1a")
        it.expect("Stopped")
        it.expect("<prompt>")
        it.type("fg\n")
        it.expect("run --quiet sh[^\n]*\r\n")
        time.sleep(0.2)  # the shell says so before it gives the terminal away
    it.type("words\n")
    it.expect("<words>")
    it.expect("<prompt>")
    it.type("echo code $?\n")
    it.expect("code 7")
    it.type("exit\n")
    it.end()


def test_a_program_that_stops_itself_gives_the_shell_its_terminal(lone, terminal):
    it = shell(terminal, lone)
    for name in ("TSTP", "STOP", "TTIN"):
        it.type(f"{lone.path} run --quiet sh -c 'kill -{name} $$; echo go''es; exit 3'\n")
        it.expect("Stopped")
        it.expect("<prompt>")
        it.type("fg\n")
        it.expect("goes")
        it.expect("<prompt>")
        it.type("echo code $?\n")
        it.expect("code 3")
        it.expect("<prompt>")
    it.type("exit\n")
    it.end()


def test_a_program_that_stops_itself_again_and_again(lone, terminal):
    it = shell(terminal, lone)
    it.type(f"{lone.path} run --quiet sh -c 'for i in 1 2 3 4; do kill -TSTP $$; done; echo go''es'\n")
    for _ in range(4):
        it.expect("Stopped")
        it.expect("<prompt>")
        it.type("fg\n")
    it.expect("goes")
    it.type("exit\n")
    it.end()


def test_bg_and_kill_under_a_shell(lone, terminal):
    it = shell(terminal, lone)
    it.type(f"{lone.path} run --quiet sleep 60\n")
    time.sleep(0.5)
    it.type("\x1a")
    it.expect("Stopped")
    it.type("bg\n")
    it.expect("run --quiet sleep 60 &")
    it.type("jobs\n")
    it.expect("Running")
    it.type("kill %1; wait %1; echo code $?\n")
    it.expect("code 143")
    it.type("exit\n")
    it.end()


def test_a_program_may_have_the_terminal_to_itself(lone, terminal):
    """An interactive shell makes groups of its own and takes the terminal: it works as ever."""
    it = terminal(lone, lone.path, "run", "/bin/bash", "--norc", "--noprofile", "-i", PS1="<prompt>", HISTFILE=None)
    it.expect("<prompt>")
    it.type("sleep 60\n")
    time.sleep(0.3)
    it.type("\x03")
    it.expect("<prompt>")
    it.type("sleep 60\n")
    time.sleep(0.3)
    it.type("\x1a")
    it.expect("Stopped")
    it.expect("<prompt>")
    it.type("kill -KILL %1; sleep 0.3\n")
    it.expect("Killed")
    it.type("exit 4\n")
    said, status = it.end()
    assert os.waitstatus_to_exitcode(status) == 4
    assert "exit 4" in said


def said_of_true(lone, terminal, **more):
    it = terminal(lone, lone.path, "run", "true", **more)
    said, status = it.end()
    assert status == 0
    assert "ouro: true" in said
    return said


def test_colours(lone, terminal):
    assert "\x1b[1m" in said_of_true(lone, terminal)
    assert "\x1b" in said_of_true(lone, terminal, NO_COLOR="")
    assert "\x1b" not in said_of_true(lone, terminal, NO_COLOR="1")
    assert "\x1b" not in said_of_true(lone, terminal, TERM="dumb")
    assert "\x1b" not in said_of_true(lone, terminal, TERM=None)


@pytest.mark.parametrize(
    "columns, wish, wanted",
    [(80, None, 80), (100, None, 100), (0, None, 80), (40, None, 60), (300, None, 120), (80, "70", 70),
     (80, "nonsense", 80), (80, "0", 80), (80, "-5", 80), (80, "99999999999999999999", 120)],
)
def test_widths(lone, terminal, columns, wish, wanted):
    said = said_of_true(lone, terminal, columns=columns, COLUMNS=wish, NO_COLOR="1")
    title = next(line for line in said.splitlines() if "ouro: true" in line)
    assert len(title) == wanted


def test_no_colours_in_a_pipe(lone):
    assert "\x1b" not in lone.run("true").stderr
