"""What is run: the variants, the programs, the Pythons, and the subset of pyperformance."""
import glob
import os
import re
import subprocess
import sys

from measuring import Variant, run_in_turns

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = {  # library, Debian package
    "mimalloc": ("libmimalloc.so.2", "libmimalloc2.0"),
    "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
}
QUICK = {"json_roundtrip", "ast_stdlib", "trees", "words", "classes", "asyncio_pipeline", "pickling", "numeric",
         "free_all", "free_newest", "cycles_buffers", "lifo", "replacement", "mixed_sizes", "producer_consumer", "churn",
         "deltablue", "json_loads"}
# Benchmarks of pyperformance that need nothing but the standard library, each with its loops and arguments
# such that one run takes a second or two.
PYPERFORMANCE = [
    ("async_generators", "async_generators", 5, []),
    ("async_tree", "async_tree", 2, ["none"]),
    ("comprehensions", "comprehensions", 60000, []),
    ("deltablue", "deltablue", 450, []),
    ("go", "go", 15, []),
    ("json_dumps", "json_dumps", 220, []),
    ("json_loads", "json_loads", 5500, []),
    ("pickle_pure_python", "pickle", 400, ["--pure-python", "pickle"]),
    ("regex_dna", "regex_dna", 7, []),
    ("richards", "richards", 60, []),
    ("unpack_sequence", "unpack_sequence", 60000, []),
]


class Python:
    """An interpreter: the real program behind a shim or a link, and its version."""

    def __init__(self, command):
        code = "import os, sys; print(os.path.realpath(sys.executable)); print('%d.%d.%d' % sys.version_info[:3])"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        result = subprocess.run([command, "-c", code], capture_output=True, text=True, timeout=60, env=environment, check=True)
        self.path, self.version = result.stdout.split("\n")[:2]

    @property
    def minor(self):
        return int(self.version.split(".")[1])


def find_pythons(count):
    """Debian's python3, then the newest others on the PATH or kept by pyenv, one of each minor version."""
    candidates = ["/usr/bin/python3"]
    folders = os.environ.get("PATH", "").split(os.pathsep)
    candidates += ["python3.%d" % minor for minor in range(15, 8, -1)
                   if any(os.access(os.path.join(folder, "python3.%d" % minor), os.X_OK) for folder in folders)]
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    candidates += glob.glob(os.path.join(pyenv, "versions", "3.*", "bin", "python3"))
    found = []
    for command in candidates:
        try:
            python = Python(command)
        except (OSError, ValueError, subprocess.SubprocessError):
            continue  # a shim that has nothing behind it
        if python.minor >= 9 and all(python.minor != other.minor for other in found):
            found.append(python)
    return found[:1] + sorted(found[1:], key=lambda python: -python.minor)[:count - 1]


def find_library(name):
    """A shared library's path, as the dynamic linker's cache has it, or None."""
    for ldconfig in ("/sbin/ldconfig", "ldconfig"):
        try:
            listing = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        match = re.search(r"^\s*%s \([^)]*\) => (\S+)$" % re.escape(name), listing, re.M)
        if match:
            return match.group(1)
    found = glob.glob("/usr/lib/*/" + name) + glob.glob("/usr/lib/" + name)
    return found[0] if found else None


def find_peers(complain):
    peers = {}
    for name, (library, package) in PEERS.items():
        path = find_library(library)
        if path is None:
            complain("%s is not here and is left out (Debian package %s)" % (name, package))
        else:
            peers[name] = path
    return peers


def python_variants(ouro, peers):
    variants = [Variant("stock")]
    if ouro:
        variants += [Variant("ouro", [ouro, "run", "--quiet"]), Variant("ouro, stock gc", [ouro, "run", "--quiet", "--gc=stock"])]
    variants += [Variant(name, environment={"PYTHONMALLOC": "malloc", "LD_PRELOAD": peers[name]})
                 for name in ("mimalloc", "jemalloc") if name in peers]
    return variants


def c_variants(host_library, peers):
    variants = [Variant("glibc")]
    if host_library:
        variants.append(Variant("ouro", environment={"LD_PRELOAD": host_library}))
    return variants + [Variant(name, environment={"LD_PRELOAD": path}) for name, path in peers.items()]


def wanted(name, options):
    if options.only:
        return re.search(options.only, name) is not None
    return not options.quick or name in QUICK


def programs_in(folder):
    """{name: path} of the programs; a leading underscore marks what they share."""
    paths = sorted(glob.glob(os.path.join(HERE, folder, "*.py")))
    return {os.path.basename(path)[:-3]: path for path in paths if not os.path.basename(path).startswith("_")}


def run_python(measure, options, pythons, variants, folder, say):
    rows = []
    for python in pythons:
        for name, path in programs_in(folder).items():
            if wanted(name, options):
                results = run_in_turns(measure, variants, [python.path, path], options.rounds)
                rows.append({"program": name, "python": python.version, "variants": results})
                say(rows[-1])
    return rows


def run_startup(measure, options, pythons, variants, say):
    """An empty program, often: what it costs to be there at all."""
    rows = []
    for python in pythons if wanted("startup", options) or options.quick else []:
        results = run_in_turns(measure, variants, [python.path, "-c", "pass"], max(15, options.rounds))
        rows.append({"program": "python3 -c pass", "python": python.version, "variants": results})
        say(rows[-1])
    return rows


def run_c(measure, options, programs, variants, say):
    rows = []
    jobs = [(name, name, []) for name in programs if name != "measure"]
    jobs.insert(1 + [name for name, _, _ in jobs].index("replacement"), ("replacement_threads", "replacement", ["12000000", "25000", "3"]))
    for name, program, arguments in jobs:
        if wanted(name, options):
            results = run_in_turns(measure, variants, [programs[program], *arguments], options.rounds)
            rows.append({"program": name, "variants": results})
            say(rows[-1])
    return rows


def install(python, folder, packages, *arguments):
    """Put packages, by name from PyPI, into a virtual environment, unless the last of them is there.  Returns its site-packages."""
    site_packages = os.path.join(folder, "lib", "python3.%d" % python.minor, "site-packages")
    if not os.path.exists(os.path.join(site_packages, packages[-1])):
        subprocess.run([python.path, "-m", "venv", folder], check=True, stdout=sys.stderr)
        subprocess.run([os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        *arguments, *packages], check=True, stdout=sys.stderr)
    return site_packages


def install_pyperformance(pythons, folder):
    """pyperf and pyperformance, which any Python can read since both are pure Python; their own needs are for parts
    that are not used here.  Each version has its environment: in another's, pip installs for that one."""
    python = max(pythons, key=lambda each: each.minor)
    return install(python, "%s-3.%d" % (folder, python.minor), ["pyperf", "pyperformance"], "--no-deps")


def name_alone(output):
    return [line.split(":")[0] for line in output.splitlines()]


def run_pyperformance(measure, options, pythons, variants, site_packages, say):
    """Each benchmark's file directly, as a pyperf worker with fixed loops: one value, whole process measured.
    What they print are times: only the names before them are compared."""
    rows = []
    folder = os.path.join(site_packages, "pyperformance", "data-files", "benchmarks")
    for python in pythons:
        for name, benchmark, loops, arguments in PYPERFORMANCE:
            if not wanted(name, options):
                continue
            command = [python.path, os.path.join(folder, "bm_" + benchmark, "run_benchmark.py"), "--worker", "--warmups", "0",
                       "--values", "1", "--loops", str(loops), *arguments]
            results = run_in_turns(measure, variants, command, options.rounds, {"PYTHONPATH": site_packages}, answer=name_alone)
            rows.append({"program": name, "python": python.version, "variants": results})
            say(rows[-1])
    return rows
