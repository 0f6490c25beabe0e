"""What PROGRAM may be: executables, scripts, .py files, and those that Ouro has to leave alone."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import PYTHON, Tool


def compile_c(tmp_path, name, text, *flags):
    source = tmp_path / f"{name}.c"
    source.write_text(text)
    program = tmp_path / name
    compiler = os.environ.get("CC", "cc").split()
    built = subprocess.run([*compiler, "-o", program, source, *flags], capture_output=True, check=False)
    if built.returncode != 0:
        pytest.skip(f"cannot be built here: {' '.join(flags)}")
    return program


TELL = '#include <stdio.h>\n#include <stdlib.h>\nint main(void){puts(getenv("LD_PRELOAD")?"yes":"no");return 7;}\n'


def script(path, first_line, body=""):
    path.write_text(f"{first_line}\n{body}\n")
    path.chmod(0o755)
    return path


def test_a_python_file_is_run_by_python3_on_the_path(lone, tmp_path):
    bin = tmp_path / "bin"
    bin.mkdir()
    script(bin / "python3", "#!/bin/sh", 'echo "python3 got $*"')
    file = tmp_path / "app.py"
    file.write_text("#!/no/such/interpreter\n")
    path = f"{bin}:{os.environ['PATH']}"
    for program in (file, "app.py", "./app.py"):
        result = lone.run("--quiet", program, "-x", "a b", cwd=tmp_path, env={"PATH": path})
        assert (result.returncode, result.stdout) == (0, f"python3 got {program} -x a b\n")
    (tmp_path / "-c.py").write_text("")
    result = lone.run("--quiet", "--", "-c.py", cwd=tmp_path, env={"PATH": path})
    assert result.stdout == "python3 got ./-c.py\n"


def test_a_python_file_for_real(lone, tmp_path):
    file = tmp_path / "app.py"
    file.write_text("import sys\nprint(sys.argv[1:], __name__)\nsys.exit(5)\n")
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "python3").symlink_to(PYTHON)
    result = lone.run("--quiet", file, "x", env={"PATH": str(bin)})
    assert (result.returncode, result.stdout) == (5, "['x'] __main__\n")


def test_a_python_file_without_a_python(lone, tmp_path):
    file = tmp_path / "app.py"
    file.write_text("")
    result = lone.run(file, env={"PATH": str(tmp_path)})
    assert result.returncode == 127
    assert result.stderr.count("\n") == 1 and "python3" in result.stderr


def test_a_program_on_the_path_that_ends_in_py(lone, tmp_path):
    script(tmp_path / "tool.py", "#!/bin/sh", "echo from sh")
    result = lone.run("--quiet", "tool.py", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, cwd="/")
    assert (result.returncode, result.stdout) == (0, "from sh\n")


def test_a_missing_python_file(lone):
    assert lone.run("missing.py").returncode == 127


def test_the_path_is_searched_as_by_execvp(lone, tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
    (first / "tool").write_text("not executable")
    script(second / "tool", "#!/bin/sh", "echo second")
    env = {"PATH": f"{first}:{second}:{os.environ['PATH']}"}
    assert lone.run("--quiet", "tool", env=env).stdout == "second\n"
    (second / "tool").unlink()
    assert lone.run("--quiet", "tool", env=env).returncode == 126


def test_a_folder_of_the_path_that_cannot_be_searched(lone_tree):
    """It says nothing about the program: as a shell has it, there is none, or it is elsewhere."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody whom a folder of root's shuts out")
    with tempfile.TemporaryDirectory() as folder:
        tree, closed, plain = (os.path.join(folder, name) for name in ("tree", "closed", "plain"))
        shutil.copytree(lone_tree, tree)
        os.mkdir(closed, mode=0o700)
        Path(plain).write_text("not executable")
        for path in (folder, tree):
            os.chmod(path, 0o755)
        outsider = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
        env = {"PATH": f"{closed}:/usr/bin:/bin"}
        tool = Tool(os.path.join(tree, "bin", "ouro"), "/tmp")
        missing = tool.run("surely-there-is-no-such-program", env=env, **outsider)
        assert missing.returncode == 127
        assert missing.stderr.count("\n") == 1 and "no such program" in missing.stderr
        assert tool.run("--quiet", "true", env=env, **outsider).returncode == 0
        env["PATH"] += f":{folder}"
        assert tool.run("plain", env=env, **outsider).returncode == 126


def test_a_script_without_a_first_line(lone, tmp_path):
    file = script(tmp_path / "plain", "echo from a shell", "exit 3")
    result = lone.run(file)
    assert (result.returncode, result.stdout) == (3, "from a shell\n")
    assert "ouro: note" not in result.stderr


def test_dynamic_programs_are_taken(lone, tmp_path):
    program = compile_c(tmp_path, "dynamic", TELL)
    result = lone.run(program)
    assert (result.returncode, result.stdout) == (7, "yes\n")
    assert "ouro: note" not in result.stderr
    assert lone.run_json(program)["program"]["left_alone"] is None


@pytest.mark.parametrize("flags", [["-static"], ["-static-pie"]])
def test_static_programs_are_left_alone(lone, tmp_path, flags):
    program = compile_c(tmp_path, "fixed", TELL, *flags)
    result = lone.run(program)
    # Its children may well be dynamic: they are to be found.
    assert (result.returncode, result.stdout) == (7, "yes\n")
    assert result.stderr.splitlines()[0].startswith(f"ouro: note: {program} is statically linked")
    assert "only what the kernel knows" in result.stderr
    assert lone.run("--no-follow", program).stdout == "no\n"
    assert lone.run("--quiet", program).stderr == ""
    told = lone.run_json(program)
    assert told["program"]["left_alone"] == "static"
    assert told["program"]["binary"] == str(program)
    assert told["program"]["peak_resident_bytes"] > 0


@pytest.mark.parametrize(
    "first_line",
    ["#!{0}", "#! {0}", "#!{0} -u", "#!/usr/bin/env fixed", "#!/usr/bin/env -S fixed -u",
     "#!/usr/bin/env -S A=b fixed", "#! /usr/bin/env\tfixed"],
)
def test_scripts_are_followed(lone, tmp_path, first_line):
    program = compile_c(tmp_path, "fixed", TELL, "-static")
    inner = script(tmp_path / "inner", first_line.format(program))
    outer = script(tmp_path / "outer", f"#!{inner}")
    for file in (inner, outer):
        result = lone.run(file, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        assert result.stderr.startswith(f"ouro: note: {program} is statically linked"), file


def test_a_script_that_is_its_own_interpreter(lone, tmp_path):
    file = script(tmp_path / "loop", f"#!{tmp_path / 'loop'}")
    result = lone.run(file)
    assert result.returncode == 126
    assert result.stderr.count("\n") == 1


def test_another_loader_gets_no_preload(lone, tmp_path):
    """musl's would take LD_PRELOAD, and fail to load a library that is made for another libc."""
    program = compile_c(tmp_path, "foreign", TELL)
    data = program.read_bytes()
    name = next(n for n in (b"ld-linux-x86-64.so.2", b"ld-linux-aarch64.so.1", b"ld-linux") if n in data)
    real = data[data.rindex(b"\0", 0, data.index(name)) + 1 :].split(b"\0")[0]
    loader = b"/tmp/ld-musl" + os.urandom(2).hex().encode()
    assert len(loader) < len(real)
    os.symlink(os.path.realpath(real), loader)
    try:
        program.write_bytes(data.replace(real, loader.ljust(len(real), b"\0")))
        result = lone.run(program)
        assert (result.returncode, result.stdout) == (7, "no\n")
        assert "has another dynamic linker" in result.stderr
        assert lone.run_json(program)["program"]["left_alone"] == "other-loader"
    finally:
        os.unlink(loader)


def test_another_machine_gets_no_preload(lone, tmp_path):
    program = compile_c(tmp_path, "small", TELL, "-m32")
    result = lone.run(program)
    assert "is built for another machine" in result.stderr


def test_the_loader_called_by_name(lone):
    loader = "/lib64/ld-linux-x86-64.so.2"
    if not os.path.exists(loader):
        pytest.skip("another machine")
    result = lone.run(loader, "/bin/echo", "out")
    assert (result.returncode, result.stdout) == (0, "out\n")
    assert "ouro: note" not in result.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to make one")
def test_set_uid_programs_are_left_alone(lone, tmp_path):
    if os.statvfs(tmp_path).f_flag & os.ST_NOSUID:
        pytest.skip("the temporary folder is on a nosuid volume")
    program = compile_c(tmp_path, "raised", TELL)
    os.chown(program, 65534, 65534)
    program.chmod(0o4755)
    result = lone.run(program)
    assert result.returncode == 7
    assert f"ouro: note: {program} is set-uid" in result.stderr
    program.chmod(0o2755)
    assert "is set-gid" in lone.run(program).stderr
    # A bit that raises nothing, or that stands on a script, means nothing.
    os.chown(program, 0, 0)
    program.chmod(0o4755)
    assert "ouro: note" not in lone.run(program).stderr
    file = script(tmp_path / "script", "#!/bin/sh")
    os.chown(file, 65534, 65534)
    file.chmod(0o4755)
    assert "ouro: note" not in lone.run(file).stderr


@pytest.mark.parametrize("cut", [0, 3, 4, 20, 63, 64, 100, 300])
def test_truncated_binaries(lone, tmp_path, cut):
    file = tmp_path / "cut"
    file.write_bytes(open(shutil.which("true"), "rb").read()[:cut])
    file.chmod(0o755)
    # What is cut early is no binary, and runs as a script: of nothing that the shell could find.
    nowhere = {"cwd": tmp_path, "env": {"PATH": "/nowhere"}}
    plain = subprocess.run(["/bin/sh", "-c", '"$0"', file], capture_output=True, check=False, **nowhere)
    result = lone.run("--quiet", file, timeout=20, **nowhere)
    assert (result.returncode == 0) == (plain.returncode == 0)


def test_hostile_headers(lone, tmp_path):
    """No header may crash the tool or make it read for ever."""
    import random

    rng = random.Random(7)
    good = bytearray(open(shutil.which("true"), "rb").read())
    file = tmp_path / "odd"
    for _ in range(40):
        bad = bytearray(good)
        for _ in range(rng.randrange(1, 8)):
            bad[rng.randrange(4, 64)] = rng.randrange(256)
        file.write_bytes(bad)
        file.chmod(0o755)
        result = lone.run("--quiet", file, timeout=20, cwd=tmp_path, env={"PATH": "/nowhere"})
        assert result.returncode >= 0 or result.returncode in (-4, -5, -7, -8, -11)
        assert "AddressSanitizer" not in result.stderr
