"""Where the report and the JSON go, and what happens when they cannot."""

import json
import os
import stat
import subprocess

import pytest


def test_the_report_in_a_file(lone, tmp_path):
    file = tmp_path / "report"
    result = lone.run("--report", file, "echo", "out")
    assert (result.returncode, result.stdout, result.stderr) == (0, "out\n", "")
    assert "ouro: echo out" in file.read_text()
    assert "\x1b" not in file.read_text()
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["report"]


def test_quiet_and_a_file_for_the_report(lone, tmp_path):
    file = tmp_path / "report"
    assert lone.run("--quiet", "--report", file, "true").stderr == ""
    assert "ouro: true" in file.read_text()


def test_files_have_the_usual_permissions(lone, tmp_path):
    file, other = tmp_path / "report", tmp_path / "json"
    other.write_text("old")
    other.chmod(0o640)
    lone.run("--report", file, "--json", other, "true", preexec_fn=lambda: os.umask(0o027))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert stat.S_IMODE(other.stat().st_mode) == 0o640
    json.loads(other.read_text())


def test_the_json_on_standard_output_comes_last(lone):
    result = lone.run("--json", "-", "--quiet", "echo", "out")
    first, _, rest = result.stdout.partition("\n")
    assert first == "out"
    assert json.loads(rest)["ending"]["exit_code"] == 0


def test_a_report_does_not_replace_the_file_that_standard_output_is(lone, tmp_path):
    """/dev/stdout may lead to a plain file, in which the program's own output stands."""
    file = tmp_path / "all"
    for path in ("/dev/stdout", file):
        with open(file, "w") as out:
            lone.run("--report", path, "echo", "out", stdout=out)
        assert file.read_text().startswith("out\n── ouro: echo out")


def test_a_name_of_the_longest_kind(lone, tmp_path):
    file = tmp_path / ("x" * 255)
    assert lone.run("--report", file, "true").stderr == ""
    assert "ouro: true" in file.read_text()


def test_a_link_stays_a_link(lone, tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to("target")
    lone.run("--report", link, "true")
    assert link.is_symlink() and "ouro: true" in target.read_text()


@pytest.mark.parametrize("option", ["--report", "--json"])
def test_a_missing_folder_is_found_out_before_the_program_runs(lone, tmp_path, option):
    mark = tmp_path / "ran"
    for path in (tmp_path / "no" / "file", tmp_path, "/proc/1/no", tmp_path / ("x" * 300)):
        result = lone.run(option, path, "touch", mark)
        assert result.returncode == 125, path
        assert result.stderr.startswith(f"ouro: cannot write {path}: ")
        assert result.stderr.count("\n") == 1
        assert not mark.exists()


def test_a_folder_that_is_a_file(lone, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert lone.run("--report", file / "report", "true").returncode == 125


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(lone, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    assert lone.run("--report", folder / "report", "true").returncode == 125


def test_a_folder_that_goes_while_the_program_runs(lone, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    result = lone.run("--report", folder / "report", "sh", "-c", f"rmdir {folder}; exit 6")
    assert result.returncode == 6
    assert result.stderr == f"ouro: cannot write {folder}/report: No such file or directory\n"


def test_a_full_disk_leaves_the_exit_code_alone(lone):
    result = lone.run("--report", "/dev/full", "sh", "-c", "exit 6")
    assert result.returncode == 6
    assert result.stderr == "ouro: cannot write /dev/full: No space left on device\n"
    result = lone.run("--quiet", "--json", "/dev/full", "sh", "-c", "exit 6")
    assert (result.returncode, result.stderr.count("\n")) == (6, 1)
    with open("/dev/full", "w") as full:
        assert lone.run("sh", "-c", "exit 6", stderr=full).returncode == 6
        result = lone.run("--json", "-", "sh", "-c", "exit 6", stdout=full)
        assert result.returncode == 6 and "standard output" in result.stderr


def test_a_file_that_outgrows_its_limit_is_not_left_half_written(lone, tmp_path):
    import resource

    file = tmp_path / "json"
    file.write_text("as it was")
    small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))  # noqa: E731
    result = lone.run("--quiet", "--json", file, "sh", "-c", "exit 6", preexec_fn=small)
    assert result.returncode == 6
    assert result.stderr == f"ouro: cannot write {file}: File too large\n"
    assert file.read_text() == "as it was"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["json"]


def test_a_pipe_with_a_name(lone, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["timeout", "20", "cat", fifo], stdout=subprocess.PIPE, text=True) as reader:
        assert lone.run("--report", fifo, "sh", "-c", "exit 6").returncode == 6
        assert "exit 6\n" in reader.stdout.read()
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_a_pipe_that_nobody_reads_can_be_interrupted(lone, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = subprocess.Popen([lone.path, "run", "--report", fifo, "true"], env=lone.environment())
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.terminate()
    assert process.wait(20) == -15


def test_both_when_the_program_crashes(lone, tmp_path):
    report, full = tmp_path / "report", tmp_path / "json"
    result = lone.run("--report", report, "--json", full, "sh", "-c", "kill -SEGV $$")
    assert result.returncode == -11
    assert "killed by SIGSEGV" in report.read_text()
    assert json.loads(full.read_text())["ending"]["signal_name"] == "SIGSEGV"
