/* prelude.c - what of Lisp is written in Lisp: macros first, then functions on lists. */
#include "lisp.h"

const char prelude[] = "\
(define (cadr x) (car (cdr x)))\n\
(define (cddr x) (cdr (cdr x)))\n\
(define (caar x) (car (car x)))\n\
(define (cdar x) (cdr (car x)))\n\
(define (caddr x) (car (cddr x)))\n\
(define-macro (when test . body) `(if ,test (begin ,@body)))\n\
(define-macro (unless test . body) `(if ,test #f (begin ,@body)))\n\
(define-macro (cond . clauses)\n\
  (if (null? clauses)\n\
      #f\n\
      (let ((clause (car clauses)) (rest (cdr clauses)))\n\
        (if (eq? (car clause) 'else)\n\
            `(begin ,@(cdr clause))\n\
            (if (null? (cdr clause))\n\
                `(or ,(car clause) (cond ,@rest))\n\
                `(if ,(car clause) (begin ,@(cdr clause)) (cond ,@rest)))))))\n\
(define-macro (let* bindings . body)\n\
  (if (or (null? bindings) (null? (cdr bindings)))\n\
      `(let ,bindings ,@body)\n\
      `(let (,(car bindings)) (let* ,(cdr bindings) ,@body))))\n\
(define-macro (case value . clauses)\n\
  (let ((name (gensym)))\n\
    `(let ((,name ,value))\n\
       (cond ,@(map (lambda (clause)\n\
                      (if (eq? (car clause) 'else)\n\
                          clause\n\
                          `((member ,name ',(car clause)) ,@(cdr clause))))\n\
                    clauses)))))\n\
(define-macro (while test . body)\n\
  (let ((loop (gensym)))\n\
    `(let ,loop () (when ,test ,@body (,loop)))))\n\
(define-macro (dotimes binding . body)\n\
  (let ((loop (gensym)) (end (gensym)))\n\
    `(let ((,end ,(cadr binding)))\n\
       (let ,loop ((,(car binding) 0))\n\
         (when (< ,(car binding) ,end)\n\
           ,@body\n\
           (,loop (+ ,(car binding) 1)))))))\n\
(define-macro (try body handler)\n\
  `(call-with-handler (lambda (,(cadr handler)) ,@(cddr handler)) (lambda () ,body)))\n\
(define-macro (generator . body) `(make-generator (lambda () ,@body)))\n\
(define (map f list . more)\n\
  (if (null? more)\n\
      (let loop ((at list) (done '()))\n\
        (if (pair? at) (loop (cdr at) (cons (f (car at)) done)) (reverse done)))\n\
      (let loop ((lists (cons list more)) (done '()))\n\
        (if (every pair? lists)\n\
            (loop (map cdr lists) (cons (apply f (map car lists)) done))\n\
            (reverse done)))))\n\
(define (for-each f list)\n\
  (when (pair? list) (f (car list)) (for-each f (cdr list))))\n\
(define (filter keep? list)\n\
  (let loop ((at list) (done '()))\n\
    (if (pair? at)\n\
        (loop (cdr at) (if (keep? (car at)) (cons (car at) done) done))\n\
        (reverse done))))\n\
(define (fold f start list)\n\
  (if (pair? list) (fold f (f start (car list)) (cdr list)) start))\n\
(define (every good? list)\n\
  (or (null? list) (and (good? (car list)) (every good? (cdr list)))))\n\
(define (any good? list)\n\
  (and (pair? list) (or (good? (car list)) (any good? (cdr list)))))\n\
(define (iota n)\n\
  (let loop ((i (- n 1)) (done '()))\n\
    (if (< i 0) done (loop (- i 1) (cons i done)))))\n\
(define (list-ref list n) (if (= n 0) (car list) (list-ref (cdr list) (- n 1))))\n\
(define (take list n)\n\
  (let loop ((at list) (n n) (done '()))\n\
    (if (or (= n 0) (null? at)) (reverse done) (loop (cdr at) (- n 1) (cons (car at) done)))))\n\
(define (drop list n) (if (or (= n 0) (null? list)) list (drop (cdr list) (- n 1))))\n\
(define (merge before? a b)\n\
  (let loop ((a a) (b b) (done '()))\n\
    (cond ((null? a) (append (reverse done) b))\n\
          ((null? b) (append (reverse done) a))\n\
          ((before? (car b) (car a)) (loop a (cdr b) (cons (car b) done)))\n\
          (else (loop (cdr a) b (cons (car a) done))))))\n\
(define (sort before? list)\n\
  (if (or (null? list) (null? (cdr list)))\n\
      list\n\
      (let ((half (quotient (length list) 2)))\n\
        (merge before? (sort before? (take list half)) (sort before? (drop list half))))))\n\
(define (generate-list generator)\n\
  (let loop ((done '()))\n\
    (let ((value (next generator)))\n\
      (if (end? value) (reverse done) (loop (cons value done))))))\n\
(define (min a . more) (fold (lambda (x y) (if (< y x) y x)) a more))\n\
(define (max a . more) (fold (lambda (x y) (if (> y x) y x)) a more))\n\
(define (abs x) (if (< x 0) (- x) x))\n\
(define (print . values)\n\
  (for-each display values)\n\
  (newline))\n\
";
