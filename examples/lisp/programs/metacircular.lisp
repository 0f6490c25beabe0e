; metacircular.lisp - this Lisp in this Lisp: an evaluator, which runs programs, and itself, which runs programs.
;
; The evaluator is a list of forms, so that it can be evaluated by the one below it.  It knows quote, if, define, set!, lambda,
; begin, let, named let, and, or, cond; its functions are vectors with a mark.

(define evaluator
  '(
    ; ---- environments: dicts from symbols to values, each in another one ----

    (define (make-frame parent) (vector 'frame (dict) parent))
    (define (frame-names frame) (vector-ref frame 1))
    (define (frame-parent frame) (vector-ref frame 2))

    (define (find-frame name frame)
      (cond ((not frame) #f)
            ((dict-has? (frame-names frame) name) frame)
            (else (find-frame name (frame-parent frame)))))

    (define (look-up name frame)
      (let ((found (find-frame name frame)))
        (if found
            (dict-ref (frame-names found) name)
            (error "m-eval: not defined:" name))))

    (define (bind-name! name value frame)
      (dict-set! (frame-names frame) name value))

    (define (bind-all! names values frame)
      (cond ((null? names) frame)
            ((symbol? names) (bind-name! names values frame) frame)
            ((null? values) (error "m-apply: too few arguments"))
            (else (bind-name! (car names) (car values) frame)
                  (bind-all! (cdr names) (cdr values) frame))))

    (define (assign! name value frame)
      (let ((found (find-frame name frame)))
        (if found
            (bind-name! name value found)
            (error "m-eval: set!: not defined:" name))))

    ; ---- functions ----

    (define mark (list 'closure)) ; this evaluator's: those of another one are functions like any other
    (define (make-closure names body frame) (vector mark names body frame))
    (define (closure? value)
      (and (vector? value) (= (vector-length value) 4) (eq? (vector-ref value 0) mark)))

    (define (m-apply function arguments)
      (if (closure? function)
          (eval-body (vector-ref function 2)
                     (bind-all! (vector-ref function 1) arguments (make-frame (vector-ref function 3))))
          (apply function arguments)))

    ; ---- forms ----

    (define (eval-body forms frame)
      (if (null? (cdr forms))
          (m-eval (car forms) frame)
          (begin
            (m-eval (car forms) frame)
            (eval-body (cdr forms) frame))))

    (define (eval-list forms frame)
      (if (null? forms)
          '()
          (let ((first (m-eval (car forms) frame)))
            (cons first (eval-list (cdr forms) frame)))))

    (define (eval-define form frame)
      (let ((target (cadr form)))
        (if (pair? target)
            (bind-name! (car target) (make-closure (cdr target) (cddr form) frame) frame)
            (bind-name! target (m-eval (caddr form) frame) frame))))

    (define (eval-and forms frame)
      (cond ((null? forms) #t)
            ((null? (cdr forms)) (m-eval (car forms) frame))
            ((m-eval (car forms) frame) (eval-and (cdr forms) frame))
            (else #f)))

    (define (eval-or forms frame)
      (if (null? forms)
          #f
          (let ((value (m-eval (car forms) frame)))
            (if value value (eval-or (cdr forms) frame)))))

    (define (eval-cond clauses frame)
      (cond ((null? clauses) #f)
            ((eq? (caar clauses) 'else) (eval-body (cdar clauses) frame))
            ((m-eval (caar clauses) frame) (eval-body (cdar clauses) frame))
            (else (eval-cond (cdr clauses) frame))))

    (define (firsts bindings) (if (null? bindings) '() (cons (caar bindings) (firsts (cdr bindings)))))
    (define (seconds bindings)
      (if (null? bindings) '() (cons (cadr (car bindings)) (seconds (cdr bindings)))))

    (define (eval-let form frame)
      (if (symbol? (cadr form))
          (let ((name (cadr form)) (bindings (caddr form)) (body (cdr (cddr form))) (inner (make-frame frame)))
            (bind-name! name (make-closure (firsts bindings) body inner) inner)
            (m-apply (look-up name inner) (eval-list (seconds bindings) frame)))
          (eval-body (cddr form)
                     (bind-all! (firsts (cadr form)) (eval-list (seconds (cadr form)) frame) (make-frame frame)))))

    (define special-forms
      (dict 'quote (lambda (form frame) (cadr form))
            'if (lambda (form frame)
                  (cond ((m-eval (cadr form) frame) (m-eval (caddr form) frame))
                        ((null? (cdr (cddr form))) #f)
                        (else (m-eval (cadr (cddr form)) frame))))
            'define (lambda (form frame) (eval-define form frame))
            'set! (lambda (form frame) (assign! (cadr form) (m-eval (caddr form) frame) frame))
            'lambda (lambda (form frame) (make-closure (cadr form) (cddr form) frame))
            'begin (lambda (form frame) (eval-body (cdr form) frame))
            'let (lambda (form frame) (eval-let form frame))
            'and (lambda (form frame) (eval-and (cdr form) frame))
            'or (lambda (form frame) (eval-or (cdr form) frame))
            'cond (lambda (form frame) (eval-cond (cdr form) frame))))

    (define (m-eval form frame)
      (cond ((symbol? form) (look-up form frame))
            ((not (pair? form)) form)
            ((and (symbol? (car form)) (dict-has? special-forms (car form)))
             (m-apply (dict-ref special-forms (car form)) (list form frame)))
            (else
             (let ((function (m-eval (car form) frame)))
               (m-apply function (eval-list (cdr form) frame))))))

    ; ---- what is there from the beginning ----

    (define (make-world)
      (let ((world (make-frame #f)))
        (for-each-pair (lambda (name value) (bind-name! name value world)) primitives)
        (bind-name! 'apply m-apply world)
        world))

    (define (for-each-pair f list)
      (if (null? list)
          #f
          (begin
            (f (car list) (cadr list))
            (for-each-pair f (cddr list)))))

    (define (run-all forms world) (eval-body forms world))))

; What the evaluator takes from the Lisp that it runs in, and gives to the one that it runs.
(define primitives
  (list '+ + '- - '* * '= = '< < '> > '<= <= 'quotient quotient 'modulo modulo
        'cons cons 'car car 'cdr cdr 'cadr cadr 'cddr cddr 'caar caar 'cdar cdar 'caddr caddr
        'list list 'null? null? 'pair? pair? 'symbol? symbol? 'eq? eq? 'not not 'equal? equal?
        'vector vector 'vector? vector? 'vector-ref vector-ref 'vector-length vector-length
        'dict dict 'dict-ref dict-ref 'dict-has? dict-has? 'dict-set! dict-set!
        'append append 'reverse reverse 'length length 'error error
        'string-append string-append '->string ->string))

(for-each eval evaluator)

; ---- programs for it ----

(define programs
  '((begin
      (define (factorial n) (if (< n 2) 1 (* n (factorial (- n 1)))))
      (factorial 30))
    (begin
      (define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
      (let loop ((i 0) (done '()))
        (if (= i 12) (reverse done) (loop (+ i 1) (cons (fib i) done)))))
    (begin
      (define (make-counter)
        (let ((n 0)) (lambda () (set! n (+ n 1)) n)))
      (define a (make-counter))
      (define b (make-counter))
      (a) (a)
      (list (a) (b)))
    (begin
      (define (sieve list)
        (if (null? list)
            '()
            (cons (car list)
                  (sieve (let loop ((rest (cdr list)) (done '()))
                           (cond ((null? rest) (reverse done))
                                 ((= (modulo (car rest) (car list)) 0) (loop (cdr rest) done))
                                 (else (loop (cdr rest) (cons (car rest) done)))))))))
      (define (count-up from to) (if (> from to) '() (cons from (count-up (+ from 1) to))))
      (sieve (count-up 2 50)))
    (begin
      (define (compose . functions)
        (lambda (x)
          (let loop ((functions (reverse functions)) (x x))
            (if (null? functions) x (loop (cdr functions) ((car functions) x))))))
      ((compose (lambda (x) (* x 2)) (lambda (x) (+ x 1))) 20))
    (or #f (and 1 2 'three))))

(print "one evaluator")
(for-each (lambda (program) (print "  " (m-eval program (make-world)))) programs)

; The evaluator evaluates itself, and what comes out runs the same programs.
(define inner-world (make-world))
(bind-name! 'primitives primitives inner-world)
(bind-name! 'programs programs inner-world)
(run-all evaluator inner-world)

(print "an evaluator in an evaluator")
(for-each
 (lambda (program)
   (print "  " (m-eval (list 'm-eval (list 'quote program) '(make-world)) inner-world)))
 programs)

(print "and it says what is wrong: "
       (try (m-eval '(m-eval '(car (nothing)) (make-world)) inner-world) (catch e e)))

#| prints:
one evaluator
  265252859812191058636308480000000
  (0 1 1 2 3 5 8 13 21 34 55 89)
  (3 1)
  (2 3 5 7 11 13 17 19 23 29 31 37 41 43 47)
  42
  three
an evaluator in an evaluator
  265252859812191058636308480000000
  (0 1 1 2 3 5 8 13 21 34 55 89)
  (3 1)
  (2 3 5 7 11 13 17 19 23 29 31 37 41 43 47)
  42
  three
and it says what is wrong: m-eval: not defined: nothing
|#
