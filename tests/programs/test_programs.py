"""Real programs, plain and under `ouro run`: the same output, the same exit code.

What is not on this machine is skipped, and says so.  ctest: timeout=900
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OURO = Path(os.environ.get("OURO", ROOT / "build" / "bin" / "ouro")).resolve()


def environment(**changes):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OURO_", "LD_"))}
    clean.update(LC_ALL="C.UTF-8", TZ="UTC", PYTHONHASHSEED="0", **changes)
    return clean


def run(command, **options):
    options.setdefault("timeout", 300)
    options.setdefault("env", environment())
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def under_ouro(command, report, *flags):
    return [OURO, "run", "--report", report, *flags, *command]


def check_same(command, tmp_path, *flags, **options):
    """Run it plain and under Ouro; returns what it printed."""
    needed = shutil.which(str(command[0]))
    if needed is None:
        pytest.skip(f"no {command[0]} on this machine")
    plain = run(command, **options)
    report = tmp_path / "report.txt"
    hosted = run(under_ouro(command, report, *flags), **options)
    assert hosted.returncode == plain.returncode
    assert hosted.stdout == plain.stdout
    assert hosted.stderr == plain.stderr
    assert "resident" in report.read_text()
    return hosted.stdout


# ---- small tools ----


@pytest.mark.parametrize(
    "command",
    [
        ["ls", "-lR", "/usr/include"],
        ["find", "/usr/share/doc", "-name", "copyright"],
        ["sort", "/usr/share/dict/words"] if Path("/usr/share/dict/words").exists() else ["sort", __file__],
        ["grep", "-rc", "static", "/usr/include/linux"],
        ["awk", "{ n[$1]++ } END { print length(n) }", "/usr/include/stdio.h"],
        ["sed", "-n", "s/int/INT/p", "/usr/include/stdlib.h"],
        ["tar", "-cf", "-", "--sort=name", "/usr/include/linux"],
        ["sha256sum", "/bin/ls", "/bin/bash"],
        ["xz", "-9", "-c", "/bin/bash"],
        ["gzip", "-9", "-n", "-c", "/bin/bash"],
        ["diff", "-u", "/usr/include/stdio.h", "/usr/include/stdlib.h"],
        ["ls", "/nonexistent"],
        ["env", "-i", "/bin/sh", "-c", "echo $LD_PRELOAD; ls /"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_small_tools(command, tmp_path):
    check_same(command, tmp_path)


BASH = r"""
set -u
declare -A seen
for i in $(seq 1 300); do seen[$((i % 17))]+="$i "; done
for k in $(printf '%s\n' "${!seen[@]}" | sort -n); do echo "$k: ${seen[$k]}"; done
f() { local x=$1; (( x > 0 )) && { echo -n "$x "; f $((x - 1)); }; }
f 200; echo
(exit 3); echo "code $?"
cat <(echo one; sleep 0.05; echo two) | tr a-z A-Z
trap 'echo term; exit 5' TERM
kill -TERM $$
echo not reached
"""


def test_bash(tmp_path):
    check_same(["bash", "-c", BASH], tmp_path)


PERL = r"""
my %words; my @list;
for my $i (1 .. 200000) { my $w = "w" . ($i * 7919 % 10007); $words{$w}++; push @list, $w if $i % 3 == 0; }
print scalar(keys %words), " ", scalar(@list), "\n";
print join(",", (sort { $words{$b} <=> $words{$a} || $a cmp $b } keys %words)[0 .. 9]), "\n";
my $text = join(" ", @list); my $n = () = $text =~ /w(\d)\1/g; print "$n\n";
my $pid = fork(); if (!$pid) { print "child\n"; exit 4 } waitpid($pid, 0); print $? >> 8, "\n";
"""


def test_perl(tmp_path):
    check_same(["perl", "-e", PERL], tmp_path)


SQL = """
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, amount REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO t SELECT i, 'name ' || (i * 7919 % 10007), i * 0.5 FROM n;
CREATE INDEX by_name ON t(name);
SELECT count(*), sum(amount), max(length(name)) FROM t;
SELECT name, count(*) AS c FROM t GROUP BY name ORDER BY c DESC, name LIMIT 10;
SELECT group_concat(a.id) FROM t a JOIN t b ON a.name = b.name WHERE b.id = 77;
DELETE FROM t WHERE id % 3 = 0;
VACUUM;
PRAGMA integrity_check;
SELECT count(*) FROM t;
"""


def test_sqlite(tmp_path):
    check_same(["sqlite3", ":memory:", SQL], tmp_path)


def test_git(tmp_path):
    """A repository from nothing: add, commit, branch, merge, repack, log, blame, clone."""
    if shutil.which("git") is None:
        pytest.skip("no git on this machine")
    script = """
set -e
git init -q -b main .
for i in $(seq 1 40); do seq $i $((i * 50)) > file$i; done
git add . && git commit -qm first
git checkout -qb other && for i in 3 5 7; do echo more >> file$i; done && git commit -qam second
git checkout -q main && echo front | cat - file9 > t && mv t file9 && git commit -qam third
git merge -q -m merged other
git repack -adq && git gc -q && git fsck --strict
git log --stat --format='%H %s' | cat
git blame file9 | head -5
git diff HEAD~2 | sha256sum
git clone -q . clone && git -C clone log --oneline | cat
"""
    outputs = []
    who = {f"GIT_{kind}_{what}": value for kind in ("AUTHOR", "COMMITTER") for what, value in
           (("NAME", "A"), ("EMAIL", "a@example.org"), ("DATE", "2024-01-01T00:00:00Z"))}
    for name in ("plain", "hosted"):
        folder = tmp_path / name
        folder.mkdir()
        command = ["sh", "-c", script]
        if name == "hosted":
            command = under_ouro(command, tmp_path / "report.txt")
        env = environment(HOME=str(tmp_path), GIT_CONFIG_NOSYSTEM="1", **who)
        result = run(command, cwd=folder, env=env)
        assert result.returncode == 0, result.stderr
        outputs.append((result.stdout, result.stderr))
    assert outputs[0] == outputs[1]


C_SOURCE = """
#include <stdio.h>
#define ROW(n) int f##n(int x) { int s = 0; for (int i = 0; i < x; i++) s += i * n ^ x; return s; }
#define TEN(n) ROW(n##0) ROW(n##1) ROW(n##2) ROW(n##3) ROW(n##4) ROW(n##5) ROW(n##6) ROW(n##7) ROW(n##8) ROW(n##9)
TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) TEN(6) TEN(7) TEN(8) TEN(9)
int main(void) { printf("%d\\n", f11(100) + f99(50)); return 0; }
"""

CXX_SOURCE = """
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>
int main()
{
    std::map<std::string, std::vector<int>> m;
    for (int i = 0; i < 1000; i++) m[std::to_string(i % 37)].push_back(i);
    std::regex r("[0-9]+");
    for (auto &[k, v] : m) if (std::regex_match(k, r)) std::cout << k << ' ' << v.size() << '\\n';
}
"""


@pytest.mark.parametrize(
    "compiler, name, source, flags",
    [
        ("gcc", "a.c", C_SOURCE, ["-O2"]),
        ("gcc", "a.c", "int main(void) { return undeclared; }", []),
        ("g++", "a.cpp", CXX_SOURCE, ["-O1", "-std=c++17"]),
        ("clang", "a.c", C_SOURCE, ["-O2"]),
    ],
    ids=["c", "error", "cxx", "clang"],
)
def test_compilers(compiler, name, source, flags, tmp_path):
    """The compiler, its children, and the file they make."""
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} on this machine")
    (tmp_path / name).write_text(source)
    made = []
    for hosted in (False, True):
        command = [compiler, *flags, "-S", "-o", "out.s", name]
        if hosted:
            command = under_ouro(command, tmp_path / "report.txt")
        result = run(command, cwd=tmp_path)
        out = tmp_path / "out.s"
        made.append((result.returncode, result.stdout, result.stderr, out.read_bytes() if out.exists() else None))
        out.unlink(missing_ok=True)
    assert made[0] == made[1]


def test_make(tmp_path):
    (tmp_path / "Makefile").write_text(
        "all: $(foreach i,1 2 3 4 5 6 7 8,out$(i))\nout%:\n\t@expr $* '*' 7 > $@; cat $@\n"
    )
    for hosted in (False, True):
        command = ["make", "-j", "4", "-O"]
        if hosted:
            command = under_ouro(command, tmp_path / "report.txt")
        result = run(command, cwd=tmp_path)
        assert result.returncode == 0 and sorted(result.stdout.split()) == sorted(
            b"7 14 21 28 35 42 49 56".split()
        )
        for made in tmp_path.glob("out*"):
            made.unlink()


# ---- runtimes ----

NODE = """
const m = new Map();
for (let i = 0; i < 300000; i++) m.set('k' + (i * 7919 % 100003), { i, t: 'x'.repeat(i % 50) });
const text = JSON.stringify([...m.values()].slice(0, 50000));
console.log(m.size, text.length, JSON.parse(text).length);
const b = []; for (let i = 0; i < 200; i++) b.push(Buffer.alloc(65536, i));
console.log(require('crypto').createHash('sha256').update(Buffer.concat(b)).digest('hex'));
const { Worker } = require('worker_threads');
const w = new Worker('require("worker_threads").parentPort.postMessage([1,2,3].map(x => x * 2))', { eval: true });
w.on('message', v => console.log(v));
require('child_process').exec('echo from a child', (e, out) => process.stdout.write(out));
require('zlib').gzip(text, (e, z) => console.log(require('zlib').gunzipSync(z).length));
"""


def test_node(tmp_path):
    command = ["node", "-e", NODE]
    if shutil.which("node") is None:
        pytest.skip("no node on this machine")
    plain, hosted = run(command), run(under_ouro(command, tmp_path / "report.txt"))
    assert (hosted.returncode, hosted.stderr) == (plain.returncode, plain.stderr)
    # Three things happen at once: lines in any order.
    assert sorted(hosted.stdout.splitlines()) == sorted(plain.stdout.splitlines()) != []


def test_java(tmp_path):
    check_same(["java", "-version"], tmp_path)


def test_java_compiles_and_runs(tmp_path):
    if shutil.which("javac") is None:
        pytest.skip("no javac on this machine")
    (tmp_path / "T.java").write_text(
        "import java.util.*; public class T { public static void main(String[] a) { Map<String,Integer> m = "
        "new TreeMap<>(); for (int i = 0; i < 200000; i++) m.merge(\"k\" + i % 999, 1, Integer::sum); "
        "System.out.println(m.size() + \" \" + m.get(\"k7\")); } }"
    )
    assert run(["javac", "T.java"], cwd=tmp_path).returncode == 0
    assert check_same(["java", "-cp", tmp_path, "T"], tmp_path) == b"999 201\n"


def wait_for_port(port, server):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server has ended"
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server doesn't answer")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


REDIS = """
MSET a 1 b 2 c 3
INCRBY a 41
RPUSH list x y z w
LRANGE list 0 -1
SADD set 3 1 2
SORT set
HSET hash f1 v1 f2 v2
HGETALL hash
SETRANGE big 3000000 end
STRLEN big
EVAL "local s = 0 for i = 1, 100000 do s = s + i end return s" 0
DEBUG RELOAD
GET a
BGSAVE
DBSIZE
"""


def test_redis(tmp_path):
    """Under redis-benchmark, then asked; its background save forks."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine (apt-get install redis-server)")
    answers = []
    for hosted in (False, True):
        folder = tmp_path / ("hosted" if hosted else "plain")
        folder.mkdir()
        port = free_port()
        command = ["redis-server", "--port", str(port), "--dir", str(folder), "--save", "", "--daemonize", "no"]
        command += ["--enable-debug-command", "yes"]
        if hosted:
            command = under_ouro(command, tmp_path / "report.txt")
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, env=environment())
            try:
                wait_for_port(port, server)
                load = ["redis-benchmark", "-p", port, "-q", "-n", 20000, "-d", 200, "-r", 5000, "-t"]
                bench = run([*load, "set,get,lpush,lpop,sadd,hset,zadd,mset"])
                assert bench.returncode == 0, bench.stderr
                run(["redis-cli", "-p", port, "FLUSHALL"])
                asked = run(["redis-cli", "-p", port], input=REDIS.encode())
                answers.append(asked.stdout)
                run(["redis-cli", "-p", port, "SHUTDOWN", "NOSAVE"])
                assert server.wait(30) == 0, (folder / "log").read_text()
            finally:
                server.kill()
                server.wait()
    assert answers[0] == answers[1]
    assert b"5000050000" in answers[0]
    assert "redis" in (tmp_path / "report.txt").read_text()


# ---- Python's own world, from its index ----


def make_venv(folder, *packages):
    """A fresh environment with these packages; skips when pip can't reach an index."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    python = folder / "bin" / "python"
    options = ["-q", "--disable-pip-version-check", "--only-binary=:all:"]
    got = subprocess.run(
        [str(python), "-m", "pip", "install", *options, *packages], capture_output=True, text=True, timeout=600
    )
    if got.returncode != 0:
        last = (got.stderr.strip().splitlines() or ["pip failed"])[-1]
        pytest.skip(f"pip can't install {' '.join(packages)} here: {last}")
    return python


NUMBERS = """
import io
import numpy as np
import pandas as pd

rng = np.random.default_rng(5)
a = rng.normal(size=(600, 600))
print(f"{np.linalg.norm(a @ a.T):.6e} {np.linalg.svd(a, compute_uv=False)[:3].round(6)}")
big = np.arange(20_000_000, dtype=np.float64)
big = np.concatenate([big[::2], big[1::2]])
print(big.sum(), np.sort(big)[-3:])
frame = pd.DataFrame({"k": rng.integers(0, 500, 300_000), "v": rng.normal(size=300_000),
                      "s": [f"name{i % 997}" for i in range(300_000)]})
print(frame.groupby("s")["v"].agg(["mean", "std", "count"]).round(6).head(10).to_string())
text = frame.head(50_000).to_csv(index=False)
back = pd.read_csv(io.StringIO(text))
print(len(text), back.equals(pd.read_csv(io.StringIO(text))), back.memory_usage(deep=False).sum())
print(frame.merge(frame.groupby("k", as_index=False)["v"].sum(), on="k").shape)
print(frame.pivot_table(index="k", values="v", aggfunc="sum").round(6).tail(3).to_string())
"""

SITE = """
import json
import flask

app = flask.Flask(__name__)

@app.route("/item/<int:n>")
def item(n):
    return flask.jsonify(n=n, squares=[i * i for i in range(n)], text="x" * n)

@app.route("/page")
def page():
    return flask.render_template_string("{% for i in range(n) %}<p>{{ i }} & {{ '<' }}</p>{% endfor %}", n=500)

@app.errorhandler(404)
def missing(error):
    return "nothing there", 404

client = app.test_client()
total = 0
for i in range(1500):
    reply = client.get(f"/item/{i % 200}")
    assert reply.status_code == 200
    total += len(reply.data) + json.loads(reply.data)["n"]
    if i % 10 == 0:
        total += len(client.get("/page").data)
    if i % 50 == 0:
        assert client.get("/no/such").status_code == 404
print(total)
"""


@pytest.mark.parametrize(
    "packages, script", [(["numpy", "pandas"], NUMBERS), (["flask"], SITE)], ids=["numpy-pandas", "flask"]
)
def test_packages(packages, script, tmp_path):
    python = make_venv(tmp_path / "venv", *packages)
    (tmp_path / "job.py").write_text(script)
    check_same([python, tmp_path / "job.py"], tmp_path)
    check_same([python, tmp_path / "job.py"], tmp_path, "--gc=stock")


ARRAYS = """
import numpy as np

def make():
    return np.ones(3_000_001)

kept = make()
"""


def read_stack(data, path):
    """The frames of a traceback of `ouro export --to json`, innermost first."""
    stack = []
    while path != 0:
        path, frame = data["paths"][path]
        stack.append(data["frames"][frame])
    return stack


def test_native_frames_of_numpy(tmp_path):
    """An array's block: numpy's functions, from its library without debug information, and the lines that called them."""
    python = make_venv(tmp_path / "venv", "numpy")
    job, file = tmp_path / "job.py", tmp_path / "job.ouro"
    job.write_text(ARRAYS)
    done = run([OURO, "run", "--quiet", "--native", "--trace=exact", "-o", file, python, job])
    assert done.returncode == 0, done.stderr
    data = json.loads(run([OURO, "export", "--to", "json", "-o", "-", file]).stdout)
    (path,) = [trace[0] for trace in data["traces"] if 24_000_008 <= trace[1] < 24_001_000]
    stack = read_stack(data, path)
    names = [frame["function"] for frame in stack]
    assert names[-3:] == ["ones", "make", "<module>"]
    assert [frame["line"] for frame in stack[-2:]] == [5, 7]
    native = stack[:-3]
    assert native and all("/numpy/" in frame["file"] and ".so" in frame["file"] for frame in native), stack
    assert any(name.startswith(("PyArray", "array_")) for name in names), names
    rows = json.loads(run([OURO, "report", "--json", "--by", "package", file]).stdout)["rows"]
    assert rows[0]["package"].startswith("numpy ")


GREENLETS = """
import gevent.pool

def work(n):
    kept = []
    for i in range(n):
        kept.append(bytes(1000 + i))
        if i % 7 == 0:
            gevent.sleep(0)
    return len(kept)

def deep(n):
    if n == 0:
        gevent.sleep(0)
        return 1
    return deep(n - 1) + 1

pool = gevent.pool.Pool(50)
print(sum(pool.imap_unordered(work, range(200, 300))), sum(pool.imap_unordered(deep, range(150))))
"""


def test_native_frames_under_gevent(tmp_path):
    """Greenlets take turns on one stack: behind the first frame of each lie others' words, a return address of 1 among them."""
    python = make_venv(tmp_path / "venv", "gevent")
    job, file = tmp_path / "job.py", tmp_path / "job.ouro"
    job.write_text(GREENLETS)
    plain = run([python, job])
    done = run([OURO, "run", "--quiet", "--native", "--trace=exact", "-o", file, python, job])
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout) == (0, b"24950 11325\n"), done.stderr
    rows = json.loads(run([OURO, "report", "--churn", "--by", "function", "--json", "--filter", "job.py", file]).stdout)["rows"]
    (work,) = [row for row in rows if row["function"] == "work"]
    assert work["bytes"] >= 100 * 200 * 1000
    data = json.loads(run([OURO, "export", "--to", "json", "-o", "-", file]).stdout)
    n_stacks = 0
    for path, *_ in data["traces"]:
        stack = read_stack(data, path)
        lines = [i for i, frame in enumerate(stack) if frame["function"] in ("work", "deep")]
        if lines:
            behind = stack[lines[-1] + 1 :]
            assert all("greenlet" in frame["file"] or frame["file"] == "(generated code)" for frame in behind), behind
            n_stacks += 1
    assert n_stacks > 100
