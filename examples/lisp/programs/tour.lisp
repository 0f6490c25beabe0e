; tour.lisp - a bit of everything: numbers, closures, macros, generators, errors, dicts.

; ---- numbers of any size ----

(define (factorial n) (if (< n 2) 1 (* n (factorial (- n 1)))))
(print (factorial 50))
(print (- (expt 2 100) 1) " " (quotient (expt 10 30) 7) " " (modulo -7 3))
(print (/ 6 3) " " (/ 1 4) " " (sqrt 2) " " (* 1.5 2) " " 1e100 " " (floor -2.5))

; ---- closures ----

(define (make-account balance)
  (lambda (what . amount)
    (case what
      ((deposit) (set! balance (+ balance (car amount))) balance)
      ((withdraw)
       (if (> (car amount) balance)
           (error "not enough:" balance)
           (begin (set! balance (- balance (car amount))) balance)))
      ((balance) balance))))

(define account (make-account 100))
(define other (make-account 5))
(account 'deposit 50)
(other 'withdraw 5)
(print (account 'balance) " " (other 'balance))
(print (try (account 'withdraw 1000) (catch e e)))

(define (even? n) (if (= n 0) #t (odd? (- n 1))))
(define (odd? n) (if (= n 0) #f (even? (- n 1))))
(print "even: " (even? 100001))

; ---- macros ----

(define-macro (swap! a b)
  (let ((saved (gensym)))
    `(let ((,saved ,a))
       (set! ,a ,b)
       (set! ,b ,saved))))
(define x 1)
(define y 2)
(swap! x y)
(print x " " y)

(define-macro (for binding . body) ; (for (x in list) ...)
  `(for-each (lambda (,(car binding)) ,@body) ,(caddr binding)))
(for (word in '("macros" "are" "functions"))
  (display word " "))
(newline)

(define-macro (my-or . forms)
  (if (null? forms)
      #f
      (let ((value (gensym)))
        `(let ((,value ,(car forms)))
           (if ,value ,value (my-or ,@(cdr forms)))))))
(print (my-or #f #f 3 (error "not looked at")))

; ---- generators ----

(define (count-from n) (generator (let loop ((n n)) (yield n) (loop (+ n 1)))))
(define (take-from generator n)
  (let loop ((n n) (done '()))
    (if (= n 0) (reverse done) (loop (- n 1) (cons (next generator) done)))))

(define (sift n numbers)
  (generator
   (let loop ()
     (let ((candidate (next numbers)))
       (unless (= (modulo candidate n) 0) (yield candidate))
       (loop)))))

(define (primes)
  (generator
   (let loop ((numbers (count-from 2)))
     (let ((prime (next numbers)))
       (yield prime)
       (loop (sift prime numbers))))))
(print (take-from (primes) 25))

(define (walk tree)
  (generator
   (let visit ((tree tree))
     (cond ((pair? tree) (visit (car tree)) (visit (cdr tree)))
           ((not (null? tree)) (yield tree))))))
(print (generate-list (walk '(1 (2 (3 4) 5) ((6)) 7))))

(define fails (generator (yield 1) (car 'nothing)))
(print (next fails) " " (try (next fails) (catch e e)) " " (next fails))

; ---- errors ----

(define (careful f) (try (f) (catch e (list 'caught e))))
(print (careful (lambda () (vector-ref (vector 1 2) 2))))
(print (careful (lambda () (raise '(any value at all)))))
(print (careful (lambda () (careful (lambda () (error "inner"))) (error "outer"))))
(print (careful (lambda () ((lambda (a b) a) 1))))
(print (careful (lambda () (undefined-function 1))))
(print (careful (lambda () (letrec ((a b) (b 1)) a))))

; ---- dicts, sorting ----

(define (words text) (filter (lambda (word) (not (equal? word ""))) (string-split text " ")))
(define (count-words text)
  (let ((counts (dict)))
    (for-each (lambda (word) (dict-set! counts word (+ 1 (dict-ref counts word 0)))) (words text))
    counts))
(define counts (count-words "the snake that eats the tail that is the snake"))
(print (sort (lambda (a b) (or (> (cdr a) (cdr b)) (and (= (cdr a) (cdr b)) (string<? (car a) (car b)))))
             (map (lambda (word) (cons word (dict-ref counts word))) (dict-keys counts))))
(print (sort < '(3 1 4 1 5 9 2 6 5 3 5)))

; ---- what is shown ----

(define ring (list 1 2 3))
(set-cdr! (cddr ring) ring)
(print ring)
(write (list "text \"quoted\"\n" 'symbol 1.0 #t '() (vector 1 "two") (dict "key" '(a . b)) car factorial))
(newline)
(print `(1 ,@(map (lambda (x) (* x x)) '(2 3)) ,(+ 1 1) (nested ,(car '(a))) . tail))
(print (eval '(+ 1 2)) " " (apply + 1 2 '(3 4)) " " (equal? '(1 (2 #t)) (list 1 (list 2 #t))))

#| prints:
30414093201713378043612608166064768844377641568960512000000000000
1267650600228229401496703205375 142857142857142857142857142857 2
2 0.25 1.4142135623730951 3.0 1e+100 -3
150 0
not enough: 150
even: #f
2 1
macros are functions 
3
(2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53 59 61 67 71 73 79 83 89 97)
(1 2 3 4 5 6 7)
1 car: a pair is needed: nothing #<end>
(caught vector-ref: nothing is there: 2)
(caught (any value at all))
(caught outer)
(caught wrong number of arguments (1) for: #<function>)
(caught this is not defined: undefined-function)
(caught a variable is used before it has a value)
((the . 3) (snake . 2) (that . 2) (eats . 1) (is . 1) (tail . 1))
(1 1 2 3 3 4 5 5 5 6 9)
(1 2 3 1 2 ...)
("text \"quoted\"\n" symbol 1.0 #t () #(1 "two") #{"key" (a . b)} #<function car> #<function factorial>)
(1 4 9 2 (nested a) . tail)
3 10 #t
|#
