"""Options, help, and what the tool says of wrong use: one line, and the exit code that was promised."""

import re

import pytest


def assert_one_line(result, code):
    assert result.returncode == code
    assert result.stdout == ""
    assert result.stderr.startswith("ouro: ")
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n")


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "--help"),
        (["walk"], "walk"),
        (["--walk"], "--walk"),
        (["run"], "Name a program"),
        (["run", "--"], "Name a program"),
        (["run", "--nonsense", "true"], "--nonsense"),
        (["run", "-x", "true"], "-x"),
        (["run", "--quiet=yes", "true"], "--quiet=yes"),
        (["run", "--gc", "sometimes", "true"], "sometimes"),
        (["run", "--gc"], "--gc"),
        (["run", "-o"], "-o"),
        (["run", "--json", "", "true"], "--json"),
        (["run", "--limit", "lots", "true"], "lots"),
        (["run", "--limit"], "--limit"),
    ],
)
def test_wrong_use(ouro, arguments, word):
    result = ouro(*arguments)
    assert_one_line(result, 2)
    assert word in result.stderr


def test_a_hostile_argument_stays_on_one_line(ouro):
    result = ouro("run", "--gc", "a\nb\x1b[31m", "true")
    assert_one_line(result, 2)
    assert "a\\nb\\x1b[31m" in result.stderr


@pytest.mark.parametrize(
    "given, wanted",
    [
        ("1", 1),
        ("1000000", 1000000),
        ("512B", 512),
        ("1K", 1024),
        ("1k", 1024),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("500M", 500 << 20),
        ("500MB", 500_000_000),
        ("1.5G", 3 << 29),
        ("1.5Gi", 3 << 29),
        ("0.25T", 1 << 38),
        ("16383.5Pi", None),
        ("2T", 2 << 40),
    ],
)
def test_sizes(lone, given, wanted):
    script = 'printf %s "$OURO_LIMIT"'
    result = lone.run("--quiet", "--limit", given, "/bin/sh", "-c", script)
    if wanted is None:
        assert_one_line(result, 2)
    else:
        assert (result.returncode, result.stdout) == (0, str(wanted))


@pytest.mark.parametrize(
    "given",
    ["0", "0K", "", "-1", "+1", "1 K", " 1K", "1.K", ".5K", "1.5", "1,5G", "0x10", "1KK", "1e6", "K",
     "99999999999999999999", "20000000T", "18446744073709551615K", "nan", "inf", "5MiBs"],
)
def test_sizes_that_are_none(ouro, given):
    assert_one_line(ouro("run", "--limit", given, "true"), 2)


def test_help(ouro):
    for arguments in (["--help"], ["-h"], ["help"]):
        result = ouro(*arguments)
        assert (result.returncode, result.stderr) == (0, "")
        assert "ouro run" in result.stdout
    result = ouro("run", "--help")
    assert (result.returncode, result.stderr) == (0, "")
    for option in "--gc --limit --debug --json -o --quiet --no-follow --help --version".split():
        assert re.search(rf"^  {option}\b", result.stdout, re.M), option
    assert "examples:" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 88


def test_version(ouro):
    for arguments in (["--version"], ["run", "--version"]):
        result = ouro(*arguments)
        assert result.returncode == 0
        assert re.fullmatch(r"ouro \d+\.\d+\.\d+\n", result.stdout)


def test_help_to_a_full_disk(ouro):
    with open("/dev/full", "w") as full:
        result = ouro("--help", stdout=full)
    assert result.returncode == 125
    assert "standard output" in result.stderr


def test_options_behind_the_program_are_its_own(ouro):
    result = ouro("run", "--quiet", "echo", "--gc=nonsense", "-o", "--help")
    assert (result.returncode, result.stdout) == (0, "--gc=nonsense -o --help\n")


def test_two_dashes_end_the_options(ouro):
    result = ouro("run", "--quiet", "--", "echo", "--", "x")
    assert (result.returncode, result.stdout) == (0, "-- x\n")


def test_a_program_that_is_missing(ouro):
    for name in ("surely-there-is-no-such-program", "/no/such/folder/program", ""):
        result = ouro("run", name)
        assert_one_line(result, 127)


def test_a_program_that_is_not_executable(ouro, tmp_path):
    file = tmp_path / "file"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o644)
    for name in (file, tmp_path):
        assert_one_line(ouro("run", name), 126)


def test_a_script_whose_interpreter_is_missing(ouro, tmp_path):
    file = tmp_path / "file"
    file.write_text("#!/no/such/interpreter\n")
    file.chmod(0o755)
    assert_one_line(ouro("run", file), 127)


def test_the_host_library_is_missing(lone_tree, temporary, tmp_path):
    from conftest import Tool

    (tmp_path / "bin").mkdir()
    copy = tmp_path / "bin" / "ouro"
    copy.write_bytes((lone_tree / "bin" / "ouro").read_bytes())
    copy.chmod(0o755)
    result = Tool(copy, temporary).run("echo", "ran")
    if result.returncode == 0:
        pytest.skip("an installed libouro-host.so was found")
    assert_one_line(result, 125)
    assert f"{tmp_path}/bin/../lib/libouro-host.so" in result.stderr
