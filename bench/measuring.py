"""Running a program and knowing what it used: builds the C programs, runs jobs in turns, takes medians.

Nothing here knows what is compared with what; that is suites.py."""
import os
import signal
import statistics
import subprocess
import tempfile

C_FLAGS = ["-std=c17", "-O2", "-pthread", "-fno-builtin-malloc", "-fno-builtin-calloc", "-fno-builtin-realloc", "-fno-builtin-free"]
SECONDS_ALLOWED = 300
# Variables that would change what is measured.
SCRUBBED = ("LD_", "PYTHON", "OURO_", "MALLOC_", "MIMALLOC_", "JEMALLOC_", "TCMALLOC_", "GLIBC_TUNABLES")


class Failure(Exception):
    """A run that did not end as it should; the text says how."""


def build_c(source_folder, build_folder):
    """Compile every bench/c/*.c that is older than its program.  Returns {name: path}."""
    os.makedirs(build_folder, exist_ok=True)
    headers = [os.path.join(source_folder, name) for name in os.listdir(source_folder) if name.endswith(".h")]
    programs = {}
    for name in sorted(os.listdir(source_folder)):
        if not name.endswith(".c"):
            continue
        source = os.path.join(source_folder, name)
        program = os.path.join(build_folder, name[:-2])
        newest = max(os.path.getmtime(path) for path in headers + [source])
        if not os.path.exists(program) or os.path.getmtime(program) < newest:
            subprocess.run([os.environ.get("CC", "cc"), *C_FLAGS, source, "-o", program], check=True)
        programs[name[:-2]] = program
    return programs


def clean_environment():
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SCRUBBED)}
    environment.update(LC_ALL="C.UTF-8", PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")
    return environment


class Variant:
    """One way to run a program: a command in front of it, environment variables, the file that it writes into the
    folder it runs in, and in which rounds it takes part: in the first of each so many."""

    def __init__(self, name, prefix=(), environment=None, writes=None, every=1):
        self.name = name
        self.prefix = list(prefix)
        self.environment = environment or {}
        self.writes = writes
        self.every = every


class Measure:
    """Runs programs through the small C program that reads their resource usage."""

    def __init__(self, program):
        self.program = program

    def run(self, variant, command, environment=None):
        """Run `command` once.  Returns (usage, standard output); raises Failure."""
        settings = dict(environment or {}, **variant.environment)
        with tempfile.TemporaryDirectory(prefix="ouro-bench-") as folder:
            figures = os.path.join(folder, "usage")
            line = [self.program, figures, *("%s=%s" % item for item in settings.items()), "--", *variant.prefix, *command]
            process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(),
                                       cwd=folder, start_new_session=True)
            try:
                output, errors = process.communicate(timeout=SECONDS_ALLOWED)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                raise Failure("took more than %d s" % SECONDS_ALLOWED) from None
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            if process.returncode != 0:
                raise Failure("could not be measured: " + last_line(errors))
            with open(figures) as file:
                wall, user, system, rss_kb, status = file.read().split()
            usage = {"wall": float(wall), "user": float(user), "system": float(system), "rss_kb": int(rss_kb)}
            if variant.writes and status == "0":
                try:
                    usage["file"] = os.path.getsize(os.path.join(folder, variant.writes))
                except OSError:
                    raise Failure("wrote no file") from None
        if status != "0":
            raise Failure(how_it_ended(int(status)) + ": " + last_line(errors))
        if b"cannot be preloaded" in errors:
            raise Failure(last_line(errors))  # the linker goes on without it, and would measure something else
        return usage, output.decode(errors="replace")


def how_it_ended(status):
    if status < 0:
        try:
            return "ended by " + signal.Signals(-status).name
        except ValueError:
            return "ended by signal %d" % -status
    return "exit code %d" % status


def last_line(text):
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1][:160] if lines else "(nothing on standard error)"


def split_output(output):
    """What a program printed, without the lines of measurements, and the measurements {name: bytes}."""
    plain, figures = [], {}
    for line in output.splitlines():
        if line.startswith("# rss "):
            figures.update((name, int(value)) for name, value in (item.split("=") for item in line[6:].split()))
        else:
            plain.append(line)
    return "\n".join(plain), figures


def run_in_turns(measure, variants, command, rounds, environment=None, answer=str):
    """Run a program under every variant, A B C A B C, after one run of the first that does not count.

    Returns {variant: {"runs": [...], "failed": text or None, medians...}}.  The first variant's output is
    the right one; another is a failure.  `answer` picks from an output what must be the same.  A variant that
    has failed is not run again."""
    results = {variant.name: {"runs": [], "failed": None} for variant in variants}
    try:
        _, expected = measure.run(variants[0], command, environment)
        expected = answer(split_output(expected)[0])
    except Failure as failure:
        for result in results.values():
            result["failed"] = "the plain program failed: %s" % failure
        return results
    for turn in range(rounds):
        for variant in variants:
            result = results[variant.name]
            if result["failed"] or turn % variant.every != 0:
                continue
            try:
                usage, output = measure.run(variant, command, environment)
                output, figures = split_output(output)
                if answer(output) != expected:
                    raise Failure("wrong answer: %r instead of %r" % (output[-120:], expected[-120:]))
                usage.update(figures)
                result["runs"].append(usage)
            except Failure as failure:
                result["failed"] = str(failure)
    for result in results.values():
        add_medians(result)
    return results


def add_medians(result):
    runs = result["runs"]
    if result["failed"] or not runs:
        return
    result["cpu"] = statistics.median(run["user"] + run["system"] for run in runs)
    for name in runs[0]:
        if name not in ("user", "system"):
            result[name] = statistics.median(run[name] for run in runs)
