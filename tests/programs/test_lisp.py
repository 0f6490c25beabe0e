"""The Lisp of examples/lisp: its programs print what they say, errors say where, and memory stays as it should."""

import os
import pathlib
import pty
import random
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
LISP = pathlib.Path(os.environ["OURO_BUILD"]) / "bin/lisp"
PROGRAMS = sorted((ROOT / "examples/lisp/programs").glob("*.lisp"))


def run(*arguments, text="", timeout=120):
    """What a run prints, on stdout and stderr, and how it ends."""
    done = subprocess.run([LISP, *arguments], input=text, capture_output=True, text=True, timeout=timeout)
    return done.stdout, done.stderr, done.returncode


def value(form):
    """What `lisp -e FORM` prints, without the end of the line."""
    out, errors, code = run("-e", form)
    assert (errors, code) == ("", 0)
    return out.removesuffix("\n")


def most_memory(form):
    """The same, and the most memory that was resident, in bytes."""
    with subprocess.Popen([LISP, "-e", form], stdout=subprocess.PIPE, text=True) as process:
        out = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return out, usage.ru_maxrss * 1024


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program(program):
    said = re.search(r"^#\| prints:\n(.*?)^\|#", program.read_text(), re.DOTALL | re.MULTILINE).group(1)
    assert run(program) == (said, "", 0)


def test_there_are_programs():
    assert {"json", "metacircular", "queens", "tour"} <= {program.stem for program in PROGRAMS}


# ---- errors and exit codes ----


ERRORS = [
    ("(define (f x)\n  (car x))\n(display 1)\n(+ 1 (f 5))",
     "1", "FILE:2:3: error: car: a pair is needed: 5\n  in f, FILE:2:3\n  in FILE, FILE:4:6\n"),
    ("(+ 1\n   (no-such 2))", "", "FILE:2:4: error: this is not defined: no-such\n  in FILE, FILE:2:4\n"),
    ("1\n(car '(1)", "", "FILE:2:10: error: a list has no end\n"),
    ("'(1 . 2 3)", "", "FILE:1:9: error: behind a dot there must be one value\n"),
    (")", "", "FILE:1:1: error: a parenthesis too many\n"),
    ('"abc', "", "FILE:1:5: error: a text has no end\n"),
    ("#| never ends", "", "FILE:1:14: error: a comment has no end\n"),
    ("(define x\n  (if))", "", "FILE:2:3: error: if: a condition and one or two forms are needed: (if)\n"),
    ("(lambda (1) 2)", "", "FILE:1:1: error: lambda: no name for a parameter: 1\n"),
    ("((lambda (x y) x) 1)", "",
     "FILE:1:1: error: wrong number of arguments (1) for: #<function>\n  in FILE, FILE:1:1\n"),
    ("(5 5)", "", "FILE:1:1: error: this is no function: 5\n  in FILE, FILE:1:1\n"),
    ("(quotient 1 0)", "", "FILE:1:1: error: division by zero\n  in FILE, FILE:1:1\n"),
    ("(raise '(a b))", "", "FILE:1:1: error: (a b)\n  in FILE, FILE:1:1\n"),
    ('(error "bad:" 1 "two")', "", 'FILE:1:1: error: bad: 1 "two"\n  in FILE, FILE:1:1\n'),
    ("(yield 1)", "", "FILE:1:1: error: yield: outside of a generator\n  in FILE, FILE:1:1\n"),
    ("(define g (generator (next g)))\n(next g)", "",
     "FILE:1:22: error: next: the generator is running already\n  in FILE, FILE:1:22\n  in FILE, FILE:2:1\n"),
    ("(set! nothing 1)", "", "FILE:1:1: error: set!: this is not defined: nothing\n  in FILE, FILE:1:1\n"),
    ("(dict-ref (dict) 'key)", "", "FILE:1:1: error: dict-ref: there is no such key: key\n  in FILE, FILE:1:1\n"),
    ("(dict-set! (dict) '(1) 2)", "", "FILE:1:1: error: this cannot be a key: (1)\n  in FILE, FILE:1:1\n"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "out", "errors"), ERRORS)
def test_error(program, out, errors, tmp_path):
    file = tmp_path / "program.lisp"
    file.write_text(program)
    assert run(file) == (out, errors.replace("FILE", str(file)), 1)


def test_exit_codes(tmp_path):
    assert run("-e", "(begin (display 1) (exit 7) (display 2))") == ("1", "", 7)
    assert run("-e", "(try (exit) (catch e 5))") == ("", "", 0)
    use = "use: lisp [FILE | -e FORM]\n"
    assert run("-e") == run("-x") == run("a", "b") == ("", use, 2)
    missing = tmp_path / "missing"
    assert run(missing) == ("", f'lisp: error: this cannot be read: "{missing}"\n', 1)


def test_files_in_files(tmp_path):
    (tmp_path / "inner.lisp").write_text("(define answer 42)\n(define-macro (twice x) `(begin ,x ,x))\n")
    (tmp_path / "broken.lisp").write_text("\n(car answer)")
    (tmp_path / "round.lisp").write_text(f'(load "{tmp_path}/round.lisp")')
    outer = tmp_path / "outer.lisp"
    outer.write_text(
        f'(load "{tmp_path}/inner.lisp")\n(twice (print answer))\n'
        f'(print (try (load "{tmp_path}/broken.lisp") (catch e e)))\n'
        f'(print (try (load "{tmp_path}/round.lisp") (catch e e)))\n'
    )
    assert run(outer) == (
        "42\n42\ncar: a pair is needed: 42\nmacros or files in each other too deep\n", "", 0)  # fmt: skip


# ---- the prompt ----


def test_prompt_without_a_terminal():
    assert run(text="(define (f x)\n  (* x 2))\n(f 21)\n'(a \"b\")\n") == ('42\n(a "b")\n', "", 0)
    out, errors, code = run(text="(car 1)\n(+ 1 1)\n")
    assert (out, code) == ("2\n", 1)
    assert errors.startswith("input:1:1: error: car: a pair is needed: 1\n")
    assert run(text="(display (read-line))\nan answer\n")[0] == "an answer"
    assert run(text="(exit 3)\n(display 1)") == ("", "", 3)
    assert run(text="(+ 1") == ("", "input:1:5: error: a list has no end\n", 1)


def test_prompt_on_a_terminal():
    ours, theirs = pty.openpty()
    with subprocess.Popen([LISP], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, b"(define (f x)\n(* x 2))\n(f 21)\n(car 5)\n\x04")
        said = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so at the end
                break
            if not part:
                break
            said += part
        os.close(ours)
    text = said.decode().replace("\r\n", "\n")
    assert process.returncode == 0
    assert text.count("> ") == 4 and text.count(". ") == 1 and "42\n" in text
    assert "input:1:1: error: car: a pair is needed: 5" in text


# ---- calls, deep and long ----


def test_tail_calls():
    form = "(define (even? n) (if (= n 0) #t (odd? (- n 1)))) (define (odd? n) (if (= n 0) #f (even? (- n 1))))"
    loop = "(let loop ((i 0)) (cond ((< i 10000000) (loop (+ i 1))) (else i)))"
    out, memory = most_memory(f"{form} (list (even? 1000001) (and #t (or #f {loop})))")
    assert out == "(#f 10000000)"
    assert memory < 128 << 20  # the test itself counts: it was forked from there


def test_deep_recursion():
    deep = "(define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1)))))"
    assert value(f"{deep} (deep 1000000)") == "1000000"
    # Without an end: an error, that can be handled, as often as one likes.
    endless = "(define (endless n) (+ 1 (endless n)))"
    assert value(f"{endless} (list (try (endless 1) (catch e e)) (try (endless 1) (catch e 2)))") == (
        '("too many calls in each other" 2)'
    )


def test_apply_and_handlers_take_no_stack():
    assert value("(define (f n) (if (= n 0) 'done (apply f (list (- n 1))))) (f 300000)") == "done"
    assert value("(define (f n) (if (= n 0) 'done (try (f (- n 1)) (catch e e)))) (f 100000)") == "done"
    assert value("(define (f n) (if (= n 0) (car 0) (try (f (- n 1)) (catch e (car 1))))) "
                 "(try (f 100000) (catch e e))") == '"car: a pair is needed: 1"'  # fmt: skip


def test_deep_values():
    nest = "(define (nest n) (let loop ((i 0) (l '())) (if (= i n) l (loop (+ i 1) (list l)))))"
    assert value(f"{nest} (string-length (->string (nest 1000000)))") == "2003"  # 1000 parentheses, dots
    assert value(f"{nest} (try (equal? (nest 1000000) (nest 1000000)) (catch e e))") == '"equal?: nested too deep"'
    assert value(f"{nest} (try (eval (nest 1000000)) (catch e e))") == '"nested too deep"'
    assert value("(define v (vector)) (vector-push! v v) (vector-push! v v) (< (string-length (->string v)) 20000000)") == "#t"
    assert value("(define l (list 1)) (set-cdr! l l) (try (length l) (catch e 'no))") == "no"


def test_deep_source(tmp_path):
    for text in ("(" * 100000, "'" * 100000, "(a . " * 100000, "(begin " * 2000 + ")" * 2000):
        file = tmp_path / "deep.lisp"
        file.write_text(text)
        out, errors, code = run(file)
        assert (out, code) == ("", 1)
        assert errors.endswith("nested too deep\n")
    assert run("-e", "(define-macro (m) '(m)) (m)")[1:] == ("-e:1:20: error: nested too deep\n", 1)
    assert value("(define-macro (m) (eval '(m))) (try (eval '(m)) (catch e e))") == (
        '"macros or files in each other too deep"'
    )


# ---- memory ----


def test_memory_is_flat():
    """Functions that know themselves, generators that hold themselves, half a million each: all of it is garbage in cycles."""
    out, memory = most_memory(
        "(define (make i) (define (self) (list self i)) self)"
        "(define (wait i) (let ((g #f)) (set! g (generator (yield g))) (next g)))"
        "(let loop ((i 0)) (if (< i 500000) (begin (make i) (wait i) (loop (+ i 1))) i))"
    )
    assert out == "500000"
    assert memory < 128 << 20


def test_cycles_are_counted():
    """What a form leaves behind that only holds itself, exactly."""
    before = "(gc-enable #f) (gc-collect) "
    assert value(before + "(gc-collect)") == "0"
    # A frame and the function in it; the form's own is in use yet.
    assert value("(define (make) (define (self) self) self)" + before + "(begin (make) (make) (make) (gc-collect))") == "6"
    assert value("(define (make) (list (lambda () 1)))" + before + "(begin (make) (make) (gc-collect))") == "0"
    assert value(before + "(begin (define l (list 1 2)) (set-cdr! (cdr l) l) (set! l 0) (gc-collect))") == "2"
    assert value(before + "(begin (define v (vector 1)) (vector-set! v 0 v) (set! v 0) (gc-collect))") == "1"
    assert value(before + "(begin (define d (dict)) (dict-set! d 'd (list d)) (set! d 0) (gc-collect))") == "2"
    # A generator that waits, the frame that it waits in, and the frame of the variable.
    assert value("(define (wait) (let ((g #f)) (set! g (generator (yield g))) (next g) 0))"
                 + before + "(begin (wait) (gc-collect))") == "3"  # fmt: skip


def test_what_is_held_stays():
    assert value(
        "(define (make n) (let ((all '())) (dotimes (i n) (set! all (cons (lambda () i) all))) all))"
        "(define fs (make 100000)) (gc-collect) (fold (lambda (sum f) (+ sum (f))) 0 fs)"
    ) in {str(100000 * 99999 // 2)}


def test_objects_are_freed():
    form = "(define (objects-after f) (f) (gc-collect) (gc-objects)) (define (noise) (sort < (map abs (iota 20000))))"
    first, second = value(f"{form} (noise) (list (objects-after noise) (objects-after noise))").strip("()").split()
    assert first == second


def test_errors_leave_nothing_behind():
    """What was half done when an error came is let go of: as many objects as before, each time."""
    forms = [
        "(car 1)", "(f)", "((lambda (x) x))", "(lambda (1) 2)", "(+ 1 (car '()))", "(error 1 2)", "(raise '(1 2))",
        "(let loop ((i 0)) (if (= i 100) (car i) (+ 1 (loop (+ i 1)))))", "(map car '(1 2))", "(apply car '(1 2 3))",
        "(next (generator (yield 1) (car 1)))", "(let ((g (generator (yield 1) (car 1)))) (next g) (next g))",
        "(let ((g (generator (car 1)))) (try (next g) (catch e (car e))))", "(yield 1)", "(if)", "(let ((x)) 1)",
        "`(1 ,@(car 1))", "(define-macro (m x) (car x))", "(when (car 1) 2)", "(string-append (->string 2) 1)", "(vector-ref (vector) 0)",
        "(dict 1)", "(dict-set! (dict) (list 1) 2)", "(letrec ((a b) (b 1)) a)", "(call-with-handler 1 (lambda () (car 1)))",
        "(call-with-handler car car)", "(apply 1 '())", "(make-vector -1)", "(string->symbol 1)", "(sort 1 '(2 1))",
    ]  # fmt: skip
    quoted = " ".join(f'"{form}"' for form in forms)
    out = value(
        f"(define forms '({quoted}))"
        "(define failed 0)"
        "(define (run text) (try (eval (car (read-string text))) (catch e (set! failed (+ failed 1)))))"
        "(define (all) (for-each run forms) (gc-collect) (gc-objects))"
        "(define (repeat n) (when (> n 0) (for-each run forms) (repeat (- n 1))))"
        "(define before 0) (define after 0)"
        "(repeat 2) (set! before (all)) (repeat 200) (set! after (all)) (list (- after before) failed)"
    )
    assert out == f"(0 {204 * (len(forms) - 2)})"  # two of them are no errors


# ---- hostile input ----


def test_random_programs(tmp_path):
    """Nothing that is read ends the Lisp otherwise than by an error."""
    chance = random.Random(3)
    words = ["(", "(", "(", ")", ")", ")", "'", "`", ",", ",@", '"x"', "1", "-2.5", "car", "cdr", "list", "lambda", "(x)",
             "x", "define", "let", "((x 1))", "if", "next", "yield", "generator", "apply", "eval", "try", "catch", "e", ".",
             "#t", "cons", "set!", "begin", "vector", "map", "cond", "else", "or", "call-with-handler", "make-generator",
             "string-append", "substring", "dict", "\n", ";", "#|", "|#", "quote", "letrec", "define-macro"]  # fmt: skip
    file = tmp_path / "random.lisp"
    for _ in range(150):
        text = " ".join(chance.choices(words, k=chance.randrange(1, 60)))
        file.write_text(text)
        out, errors, code = run(file, timeout=30)
        assert code in (0, 1) and (code == 0) == (errors == ""), text
    for _ in range(50):
        file.write_bytes(chance.randbytes(chance.randrange(1, 300)))
        done = subprocess.run([LISP, file], capture_output=True, timeout=30)
        assert done.returncode in (0, 1), file.read_bytes()
