"""An interpreter: a small Lisp with closures, lists and tail calls runs queens, sorting and a symbolic derivative."""
import sys
import zlib

QUEENS = int(sys.argv[1]) if len(sys.argv) > 1 else 8

PROGRAM = """
(define (append a b) (if (null? a) b (cons (car a) (append (cdr a) b))))
(define (map f l) (if (null? l) l (cons (f (car l)) (map f (cdr l)))))
(define (filter f l) (if (null? l) l (if (f (car l)) (cons (car l) (filter f (cdr l))) (filter f (cdr l)))))
(define (length l) (if (null? l) 0 (+ 1 (length (cdr l)))))
(define (range a b) (if (< a b) (cons a (range (+ a 1) b)) (quote ())))
(define (safe? q d l) (if (null? l) true
   (if (= (car l) q) false (if (= (car l) (+ q d)) false (if (= (car l) (- q d)) false (safe? q (+ d 1) (cdr l)))))))
(define (queens n k placed) (if (= k 0) 1
   (sum (map (lambda (q) (if (safe? q 1 placed) (queens n (- k 1) (cons q placed)) 0)) (range 0 n)))))
(define (sum l) (if (null? l) 0 (+ (car l) (sum (cdr l)))))
(define (sort l) (if (null? l) l (append (sort (filter (lambda (x) (< x (car l))) (cdr l)))
   (cons (car l) (sort (filter (lambda (x) (not (< x (car l)))) (cdr l)))))))
(define (numbers n seed) (if (= n 0) (quote ()) (cons seed (numbers (- n 1) (mod (+ (* seed 137) 41) 997)))))
(define (derive e) (if (number? e) 0 (if (symbol? e) 1 (if (= (car e) (quote +))
   (list (quote +) (derive (car (cdr e))) (derive (car (cdr (cdr e)))))
   (list (quote +) (list (quote *) (car (cdr e)) (derive (car (cdr (cdr e)))))
                   (list (quote *) (derive (car (cdr e))) (car (cdr (cdr e)))))))))
"""


class Symbol(str):
    __slots__ = ()


class Scope:
    def __init__(self, names, outer):
        self.names = names
        self.outer = outer

    def find(self, name):
        scope = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        raise NameError(name)


class Closure:
    def __init__(self, parameters, body, scope):
        self.parameters = parameters
        self.body = body
        self.scope = scope


def read(tokens):
    token = tokens.pop()
    if token == "(":
        out = []
        while tokens[-1] != ")":
            out.append(read(tokens))
        tokens.pop()
        return out
    return int(token) if token.lstrip("-").isdigit() else Symbol(token)


def read_all(text):
    tokens = text.replace("(", " ( ").replace(")", " ) ").split()[::-1]
    out = []
    while tokens:
        out.append(read(tokens))
    return out


def evaluate(form, scope):
    while True:
        if isinstance(form, Symbol):
            return scope.find(form)
        if not isinstance(form, list):
            return form
        head = form[0]
        if head == "if":
            form = form[2] if evaluate(form[1], scope) is not False else form[3]
        elif head == "quote":
            return to_pairs(form[1])
        elif head == "lambda":
            return Closure(form[1], form[2], scope)
        elif head == "define":
            scope.names[form[1][0]] = Closure(form[1][1:], form[2], scope)
            return None
        else:
            function = evaluate(head, scope)
            arguments = [evaluate(part, scope) for part in form[1:]]
            if not isinstance(function, Closure):
                return function(*arguments)
            scope = Scope(dict(zip(function.parameters, arguments)), function.scope)
            form = function.body


def to_pairs(form):
    if not isinstance(form, list):
        return form
    out = None
    for part in reversed(form):
        out = (to_pairs(part), out)
    return out


def to_text(value):
    parts = []
    while isinstance(value, tuple):
        parts.append(to_text(value[0]))
        value = value[1]
    return "(" + " ".join(parts) + ")" if parts else str(value)


def make_list(*values):
    out = None
    for value in reversed(values):
        out = (value, out)
    return out


def main():
    sys.setrecursionlimit(20000)
    scope = Scope({
        "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "mod": lambda a, b: a % b,
        "<": lambda a, b: a < b, "=": lambda a, b: a == b, "cons": lambda a, b: (a, b), "car": lambda pair: pair[0],
        "cdr": lambda pair: pair[1], "null?": lambda a: a is None, "not": lambda a: a is False, "true": True, "false": False,
        "number?": lambda a: isinstance(a, int), "symbol?": lambda a: isinstance(a, Symbol), "list": make_list}, None)
    for form in read_all(PROGRAM):
        evaluate(form, scope)
    n_queens = [evaluate(read_all("(queens %d %d (quote ()))" % (size, size))[0], scope) for size in (QUEENS - 1, QUEENS, QUEENS)]
    text = to_text(evaluate(read_all("(sort (numbers 990 7))")[0], scope))
    expression = "(+ (* x 3) (* x x))"
    for _ in range(10):
        expression = "(+ (* x %s) (* 2 %s))" % (expression, expression)
    derived = to_text(evaluate(read_all("(derive (quote %s))" % expression)[0], scope))
    print("lisp", sum(n_queens), len(text), len(derived), "%08x" % zlib.crc32((text + derived).encode()))


main()
