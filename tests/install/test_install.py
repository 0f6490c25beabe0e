"""What `make install` puts down can be used: by pkg-config, by find_package, from a stage, by a person."""

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BUILD = Path(os.environ["OURO_BUILD"])


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed")
    run("cmake", "--install", BUILD, "--prefix", prefix)
    return prefix


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The example of libouro(3), as a person would copy it from the page."""
    page = (REPOSITORY / "man" / "libouro.3").read_text()
    example = re.search(r'^\.\\" example begins\n\.Bd[^\n]*\n(.*?)^\.Ed\n', page, re.DOTALL | re.MULTILINE)
    source = tmp_path_factory.mktemp("program") / "example.c"
    source.write_text(example.group(1).replace(r"\&", "").replace(r"\e", "\\"))
    return source


def check_output(output):
    """What the manual page says that the example prints."""
    page = (REPOSITORY / "man" / "libouro.3").read_text()
    said = re.search(r'^\.\\" output begins\n\.Bd[^\n]*\n(.*?)^\.Ed\n', page, re.DOTALL | re.MULTILINE)
    assert output == said.group(1)


def find(prefix, pattern):
    found = list(prefix.rglob(pattern))
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


def test_pkg_config(prefix, program, tmp_path):
    module = find(prefix, "ouro.pc")
    environment = dict(os.environ, PKG_CONFIG_PATH=str(module.parent))
    words = run("pkg-config", "--cflags", "--libs", "ouro", env=environment).split()
    executable = tmp_path / "example"
    warnings = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
    run("cc", *warnings, "-o", executable, program, *words)
    libraries = find(prefix, "libouro.so.*.*").parent
    check_output(run(executable, env=dict(os.environ, LD_LIBRARY_PATH=str(libraries))))

    version = run("pkg-config", "--modversion", "ouro", env=environment).strip()
    header = (prefix / "include" / "ouro" / "base.h").read_text()
    assert f'#define OURO_VERSION_STRING "{version}"' in header


def test_find_package(prefix, program, tmp_path):
    run(
        "cmake", "-S", REPOSITORY / "tests" / "install" / "package", "-B", tmp_path / "build",
        f"-DCMAKE_PREFIX_PATH={prefix}", f"-DEXAMPLE={program}",
    )  # fmt: skip
    run("cmake", "--build", tmp_path / "build")
    check_output(run(tmp_path / "build" / "example"))


def test_tool_finds_its_host(prefix):
    tool = prefix / "bin" / "ouro"
    version = run(tool, "--version")
    assert re.search(r"\d+\.\d+\.\d+", version)
    # A fresh session folder and a report tell that the host was found and loaded.
    done = subprocess.run([tool, "run", "/bin/echo", "hello"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "resident" in done.stderr


def test_everything_is_there(prefix):
    for name in ["heap.h", "ouro.h", "libouro.so", "libouro-host.so", "ouro-config.cmake",
                 "ouro.1", "libouro.3", "ouro_list.3", "ouro_object.3", "LICENSE", "README.md"]:  # fmt: skip
        find(prefix, name)
    assert not list(prefix.rglob("*internals*"))


def test_links_of_the_readme_lead_somewhere(prefix):
    readme = find(prefix, "README.md")
    links = re.findall(r"\]\((?!http)([^)#\s]+)", readme.read_text())
    assert len(links) > 10
    assert [link for link in links if not (readme.parent / link).exists()] == []


def test_stage(tmp_path):
    """With DESTDIR everything goes into the stage, below the prefix that was configured."""
    run("cmake", "--install", BUILD, env=dict(os.environ, DESTDIR=str(tmp_path)))
    configured = re.search(
        r"^CMAKE_INSTALL_PREFIX:PATH=/(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE
    )
    assert (tmp_path / configured.group(1) / "bin" / "ouro").exists()
