"""The malloc family in programs that know nothing of Ouro.  Each program says `ok`, on the heap and off it."""

import os
import re
import shutil

import native
import pytest


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Compile once, by name."""
    folder = tmp_path_factory.mktemp("programs")
    done = {}

    def compile_once(source, *flags):
        key = (source, *flags)
        if key not in done:
            done[key] = native.compile_program(folder, source, *flags, name=f"program{len(done)}")
        return done[key]

    return compile_once


def says_ok(program, *arguments, **options):
    result = native.run_on_host([program, *arguments], **options)
    assert result.stdout == "ok\n"


def test_each_function_keeps_its_contract(compiled):
    says_ok(compiled("contract.c"))


def test_contract_on_the_debug_heap(compiled):
    says_ok(compiled("contract.c"), changes={"OURO_DEBUG": "1"})


@pytest.mark.parametrize("what", ["orders", "crowd", "pass", "late"])
def test_threads(compiled, what):
    says_ok(compiled("threads.c"), what)


def test_threads_on_the_debug_heap(compiled):
    says_ok(compiled("threads.c"), "pass", changes={"OURO_DEBUG": "1"})


def test_a_thousand_forks_while_threads_allocate(compiled):
    says_ok(compiled("children.c"), "storm", "1000", timeout=300)


def test_forks_while_threads_allocate_on_the_debug_heap(compiled):
    says_ok(compiled("children.c"), "storm", "50", changes={"OURO_DEBUG": "1"})


def test_forks_in_a_handler_that_interrupts_the_heap(compiled):
    says_ok(compiled("children.c"), "handler")


@pytest.mark.parametrize("what", ["vfork", "daemon", "tree"])
def test_children(compiled, what):
    says_ok(compiled("children.c"), what)


def test_a_storm_of_signals(compiled):
    says_ok(compiled("signals.c"))


@pytest.mark.parametrize("tracing", ["0:0", "1:0", "5000:0"])
@pytest.mark.parametrize(
    "program",
    [["contract.c"], ["signals.c"], ["handlers.c"], ["early_and_late.cpp"], ["foreign.c"], ["operators.cpp"]]
    + [["threads.c", what] for what in ("orders", "crowd", "pass", "late")]
    + [["children.c", *what.split()] for what in ("storm 100", "handler", "vfork", "daemon", "tree")],
    ids=" ".join,
)
def test_the_same_while_tracing(compiled, tmp_path, program, tracing):
    if program == ["handlers.c"] and os.environ.get("OURO_TESTS_OF") == "stress":
        pytest.skip("its forks come into the range's lock, which each second block takes here: docs/host.md, fork")
    says_ok(compiled(program[0]), *program[1:], session=tmp_path, changes={"OURO_TRACE": tracing}, timeout=100)


def test_before_main_and_after_it(compiled):
    says_ok(compiled("early_and_late.cpp"))


def test_operators_of_libstdcxx(compiled):
    says_ok(compiled("operators.cpp"))


def test_operators_of_libcxx(tmp_path, monkeypatch):
    """With LLVM's C++ library, where there is one."""
    if shutil.which("clang++") is None:
        pytest.skip("no clang++ here")
    monkeypatch.setenv("CXX", "clang++")
    try:
        program = native.compile_program(tmp_path, "operators.cpp", "-stdlib=libc++")
    except native.subprocess.CalledProcessError:
        pytest.skip("no libc++ here (apt-get install libc++-dev)")
    says_ok(program)


@pytest.mark.parametrize("deep", [[], ["deep"]], ids=["plain", "deepbind"])
def test_libraries_come_and_go(compiled, deep):
    library = compiled("library.c", "-shared", "-fPIC")
    says_ok(compiled("libraries.c"), library, *deep)


def test_dlopen_sees_its_caller(tmp_path):
    """A library's own search path counts for what that library opens: dlopen() looks at who calls it."""
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.mkdir()
    outer.mkdir()
    (tmp_path / "inner.c").write_text("int inner(void);\nint inner(void)\n{\n    return 5;\n}\n")
    (tmp_path / "outer.c").write_text(
        "#include <dlfcn.h>\n#include <stddef.h>\nint outer(void);\nint outer(void)\n{\n"
        '    return dlopen("libinner.so", RTLD_NOW) != NULL;\n}\n'
    )
    (tmp_path / "main.c").write_text(
        'int outer(void);\n#include <stdio.h>\nint main(void)\n{\n    puts(outer() ? "ok" : "not found");\n}\n'
    )
    shared = ["-shared", "-fPIC"]
    native.compile_program(inner, tmp_path / "inner.c", *shared, name="libinner.so")
    search = f"-Wl,--disable-new-dtags,--enable-new-dtags,-rpath,{inner}"
    library = native.compile_program(outer, tmp_path / "outer.c", *shared, search, name="libouter.so")
    program = native.compile_program(tmp_path, tmp_path / "main.c", library, name="main")
    says_ok(program)


def test_blocks_of_other_allocators(compiled):
    says_ok(compiled("foreign.c"))


@pytest.mark.parametrize("kind", [[], ["-DWRAPPER"], ["-DBEHIND"]], ids=["own", "wrapper", "behind"])
def test_programs_that_bring_their_own_malloc(compiled, kind):
    says_ok(compiled("own_malloc.c", *kind))


def without_numbers(text):
    """Without process ids and addresses, which differ from run to run."""
    return re.sub(r"0x[0-9a-f]+|==\d+==", "N", text)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("sanitizer", ["address", "thread", "leak", "undefined"])
def test_programs_built_with_a_sanitizer(tmp_path, monkeypatch, compiler, sanitizer):
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} here")
    monkeypatch.setenv("CC", compiler)
    try:
        program = native.compile_program(tmp_path, "ends.c", f"-fsanitize={sanitizer}")
    except native.subprocess.CalledProcessError:
        pytest.skip(f"{compiler} has no {sanitizer} sanitizer here")
    plain = native.run([program, "exit"], native.clean_environment(ASAN_OPTIONS="detect_leaks=0"))
    hosted = native.run_on_host([program, "exit"], check=False, changes={"ASAN_OPTIONS": "detect_leaks=0"})
    assert (hosted.returncode, hosted.stdout) == (plain.returncode, plain.stdout)
    assert without_numbers(hosted.stderr) == without_numbers(plain.stderr)


def test_under_valgrind(compiled):
    """Memcheck puts its own malloc in place of every library's."""
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind here")
    result = native.run_on_host(["valgrind", "-q", "--error-exitcode=9", compiled("ends.c"), "exit"], check=False)
    assert (result.returncode, result.stderr) == (3, "")


def test_where_threads_have_small_stacks(tmp_path):
    """Slow paths, the record's included, fit in the smallest stack that pthreads allow, beside the caller."""
    source = tmp_path / "small.c"
    source.write_text(
        """
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
allocate(void *context)
{
    void *blocks[100];
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = malloc(i * i * 100);
        memset(blocks[i], 1, i * i * 100);
    }
    for (size_t i = 0; i < 100; i++) {
        free(blocks[i]);
    }
    return context;
}

int
main(void)
{
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        if (pthread_attr_setstacksize(&attributes, 16384) != 0 ||
            pthread_create(&thread, &attributes, allocate, NULL) != 0) {
            return 1;
        }
        pthread_join(thread, NULL);
    }
    puts("ok");
    return 0;
}
"""
    )
    session = tmp_path / "session"
    session.mkdir()
    says_ok(native.compile_program(tmp_path, source), session=session)


def test_hot_paths_are_inline():
    """malloc() and free() reach a thread's blocks without a call (the build that people use alone)."""
    if shutil.which("objdump") is None:
        pytest.skip("no objdump here")
    cache = (native.BUILD / "CMakeCache.txt").read_text()
    if "CMAKE_BUILD_TYPE:STRING=Release" not in cache or "OURO_SANITIZE:STRING=\n" not in cache:
        pytest.skip("not an optimised build")
    for function in ("malloc", "free"):
        listing = native.run(
            ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", native.HOST], os.environ
        ).stdout
        body = [line for line in listing.splitlines() if "\t" in line]
        first_return = next(i for i, line in enumerate(body) if "ret" in line)
        calls = [line for line in body[:first_return] if "call" in line]
        assert calls == [] and first_return < 60
