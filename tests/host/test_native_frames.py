"""Native frames: stacks of C and C++ programs, and of C between Python's lines, function by function against what the
programs are known to do.

ctest: timeout=900
"""

import json
import os
import random
import shutil
import subprocess
import sys

import native
import pytest

sys.path.insert(0, str(native.ROOT / "tests" / "cpython"))
import suites

PYTHONS = [python for python in suites.discover() if not python.free_threaded]
COMPILERS = [compiler for compiler in ("gcc", "clang") if shutil.which(compiler)]
if "clang" not in COMPILERS:
    print("no clang here: only gcc's programs are looked at")


class Traced:
    """Stacks by the size of blocks: each a list of (function, file, line), innermost first."""

    def __init__(self, folder, *command, options=("--trace=exact",)):
        self.file = folder / "run.ouro"
        whole = [native.OURO, "run", "--quiet", "-f", "-o", self.file, *options, *command]
        self.run = native.run(whole, native.clean_environment(), timeout=300)
        assert self.run.returncode == 0, self.run.stderr

    def ouro(self, verb, *options):
        shown = native.run([native.OURO, verb, self.file, *options], native.clean_environment())
        assert shown.returncode == 0, shown.stderr
        return shown.stdout

    def stacks(self):
        data = json.loads(self.ouro("export", "--to", "json", "-o", "-"))
        found = {}
        for path, size, *_ in data["traces"]:
            stack = []
            while path != 0:
                path, frame = data["paths"][path]
                frame = data["frames"][frame]
                stack.append((frame["function"], frame["file"], frame["line"]))
            found.setdefault(size, []).append(stack)
        return found

    def names(self):
        """The same, with functions alone."""
        return {size: [[frame[0] for frame in stack] for stack in stacks] for size, stacks in self.stacks().items()}


def build(folder, compiler, source, *flags, name):
    program = folder / name
    whole = [compiler, "-fno-builtin", "-pthread", *flags, "-o", program, native.HERE / source]
    subprocess.run([str(part) for part in whole], check=True)
    return program


def line_of(source, text):
    """The number of the only line that has a text."""
    lines = (native.HERE / source).read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return number


# ---- C ----

WAYS = {
    "O0": ["-g", "-O0"],
    "O2": ["-g", "-O2"],
    "no-frame-pointer": ["-g", "-O2", "-fomit-frame-pointer"],
    "frame-pointer": ["-g", "-O1", "-fno-omit-frame-pointer"],
    "static-address": ["-g", "-O2", "-no-pie"],
    "small": ["-g", "-Os", "-fno-plt"],
}


@pytest.fixture(scope="module", params=[(compiler, way) for compiler in COMPILERS for way in WAYS], ids="-".join)
def c_program(request, tmp_path_factory):
    compiler, way = request.param
    folder = tmp_path_factory.mktemp("calls")
    build(folder, compiler, "plugin.c", "-shared", "-fPIC", "-O2", "-g", "-DNAME=first", "-DPAD=100", name="first.so")
    build(folder, compiler, "plugin.c", "-shared", "-fPIC", "-O2", "-g", "-DNAME=other", "-DPAD=4000", name="other.so")
    return folder, build(folder, compiler, "calls.c", *WAYS[way], name="calls"), way


# Below main of each block, from the inside.
CALLS = {
    10001: ["keep", "through_two", "through_three"],
    10002: ["keep"] + ["deep"] * 10001,
    10003: ["keep", "with_alloca"],
    10006: ["keep", "through_two", "run_thread"],
    10008: ["keep", "leave"],
    20001: ["keep", "first", "plugin_call", "load"],
    20002: ["keep", "other", "plugin_call", "load"],
    20003: ["keep", "first", "plugin_call", "load"],
}


def test_c_calls_are_known(c_program, tmp_path):
    folder, program, way = c_program
    libraries = [folder / "first.so", folder / "other.so", folder / "first.so"]
    traced = Traced(tmp_path, program, *libraries)
    found = traced.names()
    for size, names in CALLS.items():
        wanted = names if size == 10006 else [*names, "main"]
        assert found[size] == [wanted], (size, way)
    (inlined,) = found[10007]
    assert inlined == ["inlined_inner", "inlined_outer", "with_inlined", "main"]
    (sorting,) = found[10004]
    assert sorting[:2] == ["keep", "compare"] and sorting[-2:] == ["through_libc", "main"]
    assert 3 <= len(sorting) - 2 <= 8
    (signalled,) = found[10005]
    assert signalled[:2] == ["keep", "handle"] and signalled[-2:] == ["through_signal", "main"]
    assert any("raise" in name or "kill" in name or "libc" in name for name in signalled[2:-2])


def test_lines_are_those_of_the_calls(c_program, tmp_path):
    _, program, _ = c_program
    (stack,) = Traced(tmp_path, program).stacks()[10001]
    source = str(native.HERE / "calls.c")
    marks = ["kept[n_kept++ % 64] = malloc(size);\n    after++", "keep(size);\n    after++;\n}\n\nAPART void\nthrough_three"]
    text = (native.HERE / "calls.c").read_text()
    lines = [text[: text.index(mark)].count("\n") + 1 for mark in marks]
    assert [frame[1] for frame in stack] == [source] * 4
    assert [frame[2] for frame in stack[:2]] == lines
    assert stack[3][2] == line_of("calls.c", "through_three(10001)")


def test_sampled_stacks_are_the_same(c_program, tmp_path):
    """A sample each 1 byte or so is every block."""
    _, program, _ = c_program
    found = Traced(tmp_path, program, options=("--trace=sampled", "--sample", "16")).names()
    assert found[10001] == [["keep", "through_two", "through_three", "main"]]


def test_innermost_frames_alone(c_program, tmp_path):
    _, program, _ = c_program
    found = Traced(tmp_path, program, options=("--trace=exact", "--frames", "2")).names()
    assert found[10001] == [["keep", "through_two"]]
    assert found[10002] == [["keep", "deep"]]


@pytest.mark.parametrize("kib", [64, 128])
def test_names_on_a_small_stack(tmp_path, kib):
    """The tool has the stack that the program shall have, and what reads debug information takes more than that."""
    source, program = tmp_path / "small.c", tmp_path / "small"
    source.write_text(
        "#include <stdlib.h>\n"
        "static __attribute__((noinline)) void take(void **to) { *to = malloc(10001); }\n"
        "int main(void) { static void *kept; take(&kept); return kept != 0 ? 3 : 1; }\n"
    )
    subprocess.run(["gcc", "-g", "-fno-builtin", "-o", program, source], check=True)
    small = ["sh", "-c", f'ulimit -s {kib} && exec "$@"', "sh"]
    traced = [native.OURO, "run", "--quiet", "--trace=exact", "-o", tmp_path / "run.ouro", program]
    run = native.run([*small, *traced], native.clean_environment())
    assert run.returncode == 3, run.stderr
    shown = native.run([*small, native.OURO, "report", "--json", tmp_path / "run.ouro"], native.clean_environment())
    assert shown.returncode == 0, shown.stderr
    rows = {(os.path.basename(row["file"]), row["line"]): row["bytes"] for row in json.loads(shown.stdout)["rows"]}
    assert rows[("small.c", 2)] == 10001


# ---- what files say ----


@pytest.fixture
def calls(tmp_path):
    return build(tmp_path, COMPILERS[0], "calls.c", "-g", "-O1", name="calls")


def test_stripped_programs_have_addresses(calls, tmp_path):
    subprocess.run(["strip", calls], check=True)
    (stack,) = Traced(tmp_path, calls).stacks()[10001]
    assert len(stack) == 4
    for function, file, line in stack:
        assert function.startswith("calls+0x") and file == str(calls) and line == 0


def test_programs_without_debug_information_have_names(calls, tmp_path):
    subprocess.run(["strip", "--strip-debug", calls], check=True)
    (stack,) = Traced(tmp_path, calls).stacks()[10001]
    assert [(frame[0], frame[2]) for frame in stack] == [
        ("keep", 0),
        ("through_two", 0),
        ("through_three", 0),
        ("main", 0),
    ]


SYMBOLS = """
#include <stdlib.h>
#define APART __attribute__((noinline, noclone))
void *volatile kept[3];
static volatile int after;

APART static void keep(size_t size, int i) { kept[i] = malloc(size); after++; }
APART void without_size(void) { keep(10001, 0); after++; }
APART void strong(void) { keep(10002, 1); after++; }
extern __typeof__(strong) faint __attribute__((weak, alias("strong")));
static __typeof__(strong) hidden __attribute__((alias("strong"), used));
APART void around(void) { __asm__ volatile(".globl inside\\ninside:\\n.type inside, %function\\n"); keep(10003, 2); after++; }

int main(void)
{
    without_size();
    strong();
    around();
    return 0;
}
__asm__(".size without_size, 0\\n.size inside, 64\\n");
"""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_symbols_without_debug_information(compiler, tmp_path):
    """A function as assembly has them, one with several names, and one that begins within another."""
    source, program = tmp_path / "symbols.c", tmp_path / "symbols"
    source.write_text(SYMBOLS)
    in_order = ["-fno-toplevel-reorder"] if compiler == "gcc" else []  # clang has it so
    subprocess.run([compiler, "-O1", *in_order, "-fno-builtin", "-o", program, source], check=True)
    found = Traced(tmp_path, program).names()
    assert found[10001] == [["keep", "without_size", "main"]]
    assert found[10002] == [["keep", "strong", "main"]]
    assert found[10003] == [["keep", "inside", "main"]]


def test_debug_information_in_another_file(calls, tmp_path):
    debug = tmp_path / ".debug" / "calls.debug"
    debug.parent.mkdir()
    subprocess.run(["objcopy", "--only-keep-debug", calls, debug], check=True)
    subprocess.run(["strip", calls], check=True)
    subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", calls], check=True)
    (stack,) = Traced(tmp_path, calls).stacks()[10001]
    assert [frame[0] for frame in stack] == ["keep", "through_two", "through_three", "main"]
    assert stack[3][2] == line_of("calls.c", "through_three(10001)")


def test_names_are_kept_with_the_file(calls, tmp_path):
    traced = Traced(tmp_path, calls)
    before = traced.stacks()[10001]
    assert before[0][0][0] == "keep"
    os.unlink(calls)
    assert traced.stacks()[10001] == before


class Raw(Traced):
    """What the host wrote, as it is: names are looked up each time that it is read."""

    def __init__(self, folder, program):
        session = folder / "session"
        session.mkdir()
        native.run_on_host([program], session=session, changes={"OURO_TRACE": "0:0"})
        (self.file,) = session.glob("*.ouro")


def test_another_build_is_not_asked(calls, tmp_path):
    traced = Raw(tmp_path, calls)
    assert traced.names()[10001][0][0] == "keep"
    build(tmp_path, COMPILERS[0], "calls.c", "-g", "-O2", "-Wl,--build-id=0x1234", name="calls")
    (stack,) = traced.stacks()[10001]
    assert [frame[0].split("+")[0] for frame in stack[:4]] == ["calls"] * 4
    os.unlink(calls)
    (stack,) = traced.stacks()[10001]
    assert [frame[0].split("+")[0] for frame in stack[:4]] == ["calls"] * 4


def test_files_that_are_no_files_are_left_alone(calls, tmp_path):
    traced = Raw(tmp_path, calls)
    calls.unlink()
    for make, remove in ((os.mkfifo, os.unlink), (os.mkdir, os.rmdir), (lambda path: path.write_bytes(b""), os.unlink)):
        make(calls)
        assert len(traced.stacks()[10001]) == 1
        remove(calls)


def test_spoiled_programs_give_no_wrong_end(calls, tmp_path):
    """A program's file of which any bytes are others: names may be missing, or wrong; nothing breaks."""
    traced = Raw(tmp_path, calls)
    whole = bytearray(calls.read_bytes())
    numbers = random.Random(7)
    for n in range(40):
        spoiled = bytearray(whole)
        for _ in range(1 + n * 20):
            spoiled[numbers.randrange(64, len(spoiled))] = numbers.randrange(256)
        calls.unlink()
        calls.write_bytes(spoiled[: len(spoiled) * (40 - n // 2) // 40])
        assert len(traced.stacks()[10001]) == 1


# ---- what is left out ----


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_inner_frames_of_the_languages_libraries(compiler, level, tmp_path):
    """Who uses a container, or strdup(), is who wants the memory."""
    compiler = {"gcc": "g++", "clang": "clang++"}[compiler]
    program = build(tmp_path, compiler, "containers.cpp", "-g", level, name="containers")
    lines = {}
    for stacks in Traced(tmp_path, program).stacks().values():
        for stack in stacks:
            if stack[0][1] == str(native.HERE / "containers.cpp"):
                lines.setdefault(stack[0][2], []).append([frame[0] for frame in stack])
    for text in ("push_back", "std::string(", "new Shop", "strdup"):
        number = line_of("containers.cpp", text)
        assert number in lines, (text, lines)
        assert all(stack[-1] == "main" for stack in lines[number])


@pytest.mark.parametrize("compiler", COMPILERS)
def test_inner_frames_of_libraries_without_debug_information(compiler, tmp_path):
    """Templates that were compiled into the program are known by their names."""
    compiler = {"gcc": "g++", "clang": "clang++"}[compiler]
    program = build(tmp_path, compiler, "containers.cpp", "-O0", name="containers")
    rows = json.loads(Traced(tmp_path, program).ouro("report", "--json", "--by", "function"))["rows"]
    functions = {row["function"]: row["bytes"] for row in rows if row["file"] == str(program)}
    # 100 texts of 1000 bytes, the nodes of their map, and a vector of 128 numbers.
    assert functions["Shop::fill(int)"] > 100 * 1001 + 100 * 64 + 128 * 8
    assert not [name for name in functions if "std::" in name or "__gnu_cxx" in name], functions


# ---- Rust ----

RUSTC = shutil.which("rustc", path=os.environ["PATH"] + os.pathsep + os.path.expanduser("~/.cargo/bin"))
if RUSTC is None:
    print("no rustc here: programs in Rust are not looked at")


def build_rust(folder, *flags):
    program = folder / "vectors"
    # Names of the old kind are for compilers that aren't stable alone; the new one is for all.
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    command = [RUSTC, "-Zunstable-options", *flags, "-o", program, native.HERE / "vectors.rs"]
    subprocess.run([str(part) for part in command], env=environment, check=True)
    return program


# What asks for blocks: its function, the text of its line, and the bytes that it holds at the end.
RUST = {
    ("fill", "vec![1u8"): sum(range(20000, 20100)),
    ("fill", ".repeat("): 100 * 1000,
    ("fill", "Rc::new"): 100 * 3000,
    ("collect", "Box::new"): 100 * 5000,
    ("write", "write!("): 128 << 10,
}


@pytest.mark.skipif(RUSTC is None, reason="no rustc here")
@pytest.mark.parametrize("mangling", ["legacy", "v0"])
@pytest.mark.parametrize("level", ["0", "2", "s"])
def test_rust_programs_show_their_own_lines(level, mangling, tmp_path):
    flags = ["-g", "-Copt-level=" + level, "-Csymbol-mangling-version=" + mangling]
    traced = Traced(tmp_path, build_rust(tmp_path, *flags))
    source = str(native.HERE / "vectors.rs")
    lines = json.loads(traced.ouro("report", "--json", "--by", "line"))["rows"]
    held = {row["line"]: row["bytes"] for row in lines if row["file"] == source}
    for (_, text), size in RUST.items():
        # The table of names, the tree and the vector itself grow on the same lines.
        assert size <= held[line_of("vectors.rs", text)] <= size + 20000, (text, held)
    assert sum(held.values()) > 0.99 * sum(row["bytes"] for row in lines)

    functions = json.loads(traced.ouro("report", "--json", "--by", "function", "--cumulative"))["rows"]
    names = {row["function"]: row["bytes"] for row in functions if row["file"] == source}
    assert names["<vectors::Shop<alloc::vec::Vec<u8>> as vectors::Shelf>::fill"] > 2400000
    # A call at a function's end may leave no frame of it: then there is its closure.
    assert max(size for name, size in names.items() if name.startswith("vectors::collect")) >= 500000
    assert any(name.startswith("vectors::write") for name in names)
    assert not [row for row in functions if row["function"].startswith(("_R", "_ZN"))]


@pytest.mark.skipif(RUSTC is None, reason="no rustc here")
@pytest.mark.parametrize("mangling", ["legacy", "v0"])
def test_rust_programs_without_debug_information(mangling, tmp_path):
    program = build_rust(tmp_path, "-Copt-level=0", "-Csymbol-mangling-version=" + mangling)
    subprocess.run(["strip", "--strip-debug", program], check=True)
    rows = json.loads(Traced(tmp_path, program).ouro("report", "--json", "--by", "function"))["rows"]
    functions = {row["function"]: row["bytes"] for row in rows if row["file"] == str(program)}
    wanted = sum(size for (function, _), size in RUST.items() if function == "fill")
    fill = functions["<vectors::Shop<alloc::vec::Vec<u8>> as vectors::Shelf>::fill"]
    assert wanted <= fill <= wanted + 40000
    library = ("alloc::", "core::", "std::", "<alloc::", "<core::", "<std::", "hashbrown::", "_R", "_ZN")
    assert not [name for name in functions if name.startswith(library)], functions


# ---- C++ ----


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_cpp_names_and_exceptions(compiler, level, tmp_path):
    compiler = {"gcc": "g++", "clang": "clang++"}[compiler]
    program = build(tmp_path, compiler, "throwing.cpp", "-g", level, name="throwing")
    found = Traced(tmp_path, program).names()
    # While unwinding the frames that threw are still there below those that unwind.
    assert len(found[30001]) == 3
    for stack in found[30001]:
        assert stack[0] == "void shop::keep<int>(int)"
        assert stack[1] == "shop::Guard::~Guard()"
        assert stack[-1] == "main"
        assert "shop::fail(int)" in stack
    (caught,) = found[30002]
    assert caught == ["void shop::keep<int>(int)", "main"]
    (called,) = found[30003]
    assert called[:2] == ["void shop::keep<long>(long)", "shop::Counter::operator()(long) const"]
    assert called[-1] == "main" and any("std::function<int (long)>" in name for name in called)


# ---- the views ----


def test_report_of_a_run_has_the_line(calls):
    result = native.run([native.OURO, "run", "--trace=exact", calls], native.clean_environment())
    assert result.returncode == 0
    number = (native.HERE / "calls.c").read_text().splitlines().index("    kept[n_kept++ % 64] = malloc(size);") + 1
    assert f"calls.c:{number}  kept[n" in result.stderr, result.stderr


def test_views_by_every_key(calls, tmp_path):
    traced = Traced(tmp_path, calls)
    rows = {by: json.loads(traced.ouro("report", "--json", "--by", by))["rows"] for by in ("line", "file", "function", "package")}
    assert rows["line"][0]["file"] == str(native.HERE / "calls.c")
    assert rows["file"][0]["file"] == str(native.HERE / "calls.c")
    assert "keep" in {row["function"] for row in rows["function"]}
    assert rows["package"][0]["package"] == "(the program)"
    packages = json.loads(traced.ouro("report", "--json", "--by", "package", "--cumulative"))["rows"]
    assert any(row["package"].startswith("libc.so") for row in packages)
    for kind in ("collapsed", "memray-csv"):
        assert "through_three" in traced.ouro("export", "--to", kind, "-o", "-")
    select = "select distinct function from frames where file like '%/calls.c'"
    assert "through_three" in traced.ouro("sql", select)


# ---- Python ----


@pytest.fixture(params=PYTHONS, ids=lambda python: python.label)
def python(request):
    return request.param


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    """A library that calls back into Python."""
    folder = tmp_path_factory.mktemp("bridge")
    return build(folder, COMPILERS[0], "bridge.c", "-shared", "-fPIC", "-O2", "-g", name="libbridge.so")


MIXED = """
import ctypes, sys
library = ctypes.PyDLL(sys.argv[1])
call_back = ctypes.PYFUNCTYPE(None)
kept = []

def keep(size):
    kept.append(bytearray(size))

def innermost():
    keep(70100)

def outer():
    library.bridge_call(call_back(middle))

def middle():
    library.bridge_keep(70200)
    library.bridge_call_twice(call_back(innermost))

def generate():
    yield keep(70300)
    library.bridge_keep(70400)

class Made:
    def __init__(self):
        library.bridge_keep(70500)

    def __getattr__(self, name):
        return keep(70600)

def recurse(n):
    if n == 0:
        library.bridge_keep(70700)
    else:
        recurse(n - 1)

def fail():
    try:
        raise ValueError
    except ValueError:
        library.bridge_keep(70800)

def of_thread():
    library.bridge_call(call_back(lambda: library.bridge_keep(70900)))

def main():
    outer()
    list(generate())
    Made().nothing
    recurse(100)
    sorted([2, 1], key=lambda n: keep(71000) or n)
    fail()
    import threading
    thread = threading.Thread(target=of_thread)
    thread.start()
    thread.join()

main()
"""

# Functions of the bridge, and Python's: those of ctypes and libffi, which are between, are left out.
EXPECTED = {
    70100: [
        ["keep", "innermost", "bridge_call_twice", "middle", "bridge_call", "outer", "main", "<module>"],
    ],
    70200: [["bridge_keep", "middle", "bridge_call", "outer", "main", "<module>"]],
    70300: [["keep", "generate", "main", "<module>"]],
    70400: [["bridge_keep", "generate", "main", "<module>"]],
    70500: [["bridge_keep", "__init__", "main", "<module>"]],
    70600: [["keep", "__getattr__", "main", "<module>"]],
    70700: [["bridge_keep", *["recurse"] * 101, "main", "<module>"]],
    70800: [["bridge_keep", "fail", "main", "<module>"]],
    70900: [["bridge_keep", "<lambda>", "bridge_call", "of_thread"]],
    71000: [["keep", "<lambda>", "main", "<module>"]],
}


def known_names(stacks):
    """The functions of the program and the bridge; names without what qualifies them.  Imports may have blocks of the same
    size, which the program's first lines ask for."""
    shown = []
    for stack in stacks:
        if any(file.startswith("<frozen importlib") for _, file, _ in stack):
            continue
        names = [name.split(".")[-1] for name, file, _ in stack if file.endswith(("bridge.c", "mixed.py"))]
        shown.append(names)
    return [names for names in shown if names]


def test_mixed_stacks(python, bridge, tmp_path):
    program = tmp_path / "mixed.py"
    program.write_text(MIXED)
    stacks = Traced(tmp_path, python.path, program, bridge, options=("--trace=exact", "--native")).stacks()
    for size, wanted in EXPECTED.items():
        # A bytearray has more than it was asked for: a byte, or an object's head.
        found = [stack for more in range(64) for stack in stacks.get(size + more, [])]
        assert sorted(set(map(tuple, known_names(found)))) == sorted(map(tuple, wanted)), (size, found)


def test_the_interpreter_is_left_out(python, bridge, tmp_path):
    program = tmp_path / "mixed.py"
    program.write_text(MIXED)
    traced = Traced(tmp_path, python.path, program, bridge, options=("--trace=exact", "--native"))
    names = {name for stacks in traced.stacks().values() for stack in stacks for name, _, _ in stack}
    assert not {name for name in names if "_PyEval" in name}
    assert not names & {"_start", "__libc_start_main", "PyMem_Realloc", "Py_BytesMain"}


def test_without_being_asked_there_is_python_alone(python, bridge, tmp_path):
    program = tmp_path / "mixed.py"
    program.write_text(MIXED)
    stacks = Traced(tmp_path, python.path, program, bridge).stacks()
    (found,) = stacks[70200]
    assert [name.split(".")[-1] for name, _, _ in found] == ["middle", "outer", "main", "<module>"]
