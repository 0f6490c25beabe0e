; queens.lisp - n queens on a board, none of which attacks another one: three ways to find them.

; ---- all at once: lists of columns, from the last row to the first ----

(define (safe? column queens)
  (let loop ((queens queens) (distance 1))
    (or (null? queens)
        (and (not (= (car queens) column))
             (not (= (abs (- (car queens) column)) distance))
             (loop (cdr queens) (+ distance 1))))))

(define (place-row size partial)
  (map (lambda (column) (cons column partial))
       (filter (lambda (column) (safe? column partial)) (iota size))))

(define (queens size)
  (let loop ((row 0) (boards '(())))
    (if (= row size)
        boards
        (loop (+ row 1) (apply append (map (lambda (board) (place-row size board)) boards))))))

; ---- one after another: a generator that goes on where it was ----

(define (queens-one-by-one size)
  (generator
   (let try-row ((row 0) (board '()))
     (if (= row size)
         (yield board)
         (for-each (lambda (column)
                     (when (safe? column board)
                       (try-row (+ row 1) (cons column board))))
                   (iota size))))))

; ---- counted by bits: integers as sets ----

(define (bit-and a b) ; the Lisp has none: bit by bit
  (let loop ((a a) (b b) (bit 1) (sum 0))
    (if (or (= a 0) (= b 0))
        sum
        (loop (quotient a 2) (quotient b 2) (* bit 2)
              (if (and (= (modulo a 2) 1) (= (modulo b 2) 1)) (+ sum bit) sum)))))

(define (free-columns size taken)
  (filter (lambda (column) (= (bit-and taken (expt 2 column)) 0)) (iota size)))

(define (bit-or-power set power)
  (if (= (bit-and set power) 0) (+ set power) set))

(define (count-queens size)
  (let count ((row 0) (columns 0) (left 0) (right 0))
    (if (= row size)
        1
        (let ((taken (fold (lambda (set column)
                             (let ((power (expt 2 column)))
                               (if (or (> (bit-and columns power) 0)
                                       (> (bit-and left power) 0)
                                       (> (bit-and right power) 0))
                                   (+ set power)
                                   set)))
                           0 (iota size))))
          (fold (lambda (sum column)
                  (let ((power (expt 2 column)))
                    (+ sum (count (+ row 1)
                                  (bit-or-power columns power)
                                  (* 2 (bit-or-power left power))
                                  (quotient (bit-or-power right power) 2)))))
                0 (free-columns size taken))))))

; ---- boards ----

(define (show-board board)
  (let ((size (length board)))
    (for-each
     (lambda (queen)
       (for-each (lambda (column) (display (if (= column queen) " Q" " ."))) (iota size))
       (newline))
     board)))

(dotimes (size 8)
  (print size ": " (length (queens size))))

(define eight (queens-one-by-one 8))
(show-board (next eight))
(print "and " (length (generate-list eight)) " more")
(print "no board: " (end? (next (queens-one-by-one 3))))
(print "by bits: " (map count-queens '(1 2 3 4 5 6)))

; Only the first of very many: the generator looks no further.
(print "ten: " (reverse (next (queens-one-by-one 10))))

#| prints:
0: 1
1: 1
2: 0
3: 0
4: 2
5: 10
6: 4
7: 40
 . . . Q . . . .
 . Q . . . . . .
 . . . . . . Q .
 . . Q . . . . .
 . . . . . Q . .
 . . . . . . . Q
 . . . . Q . . .
 Q . . . . . . .
and 91 more
no board: #t
by bits: (1 0 0 2 10 4)
ten: (0 2 5 7 9 4 8 1 3 6)
|#
