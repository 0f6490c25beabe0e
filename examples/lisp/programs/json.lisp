; json.lisp - JSON: from text to values, and from values to text.
;
; Objects are dicts, arrays vectors, texts texts, numbers integers of any size or floats; true and false are #t and #f,
; null is the symbol null.

; ---- reading ----

; What is read: a text, its length, and where we are.
(define (make-input text) (vector text (string-length text) 0))
(define (input-text in) (vector-ref in 0))
(define (input-at in) (vector-ref in 2))
(define (at-end? in) (>= (input-at in) (vector-ref in 1)))
(define (peek in) (if (at-end? in) "" (string-ref (input-text in) (input-at in))))
(define (advance! in) (vector-set! in 2 (+ (input-at in) 1)))

(define (json-error in message)
  (error (string-append "json: " message " at " (->string (input-at in)))))

(define (take-char in)
  (when (at-end? in) (json-error in "the text ends too early"))
  (let ((c (peek in)))
    (advance! in)
    c))

(define (expect in wanted)
  (let ((c (take-char in)))
    (unless (equal? c wanted)
      (json-error in (string-append (->written wanted) " expected, not " (->written c))))))

(define blanks '(" " "\t" "\n" "\r"))
(define (skip-blanks in)
  (when (member (peek in) blanks)
    (advance! in)
    (skip-blanks in)))

(define (read-word in word value)
  (for-each (lambda (c) (expect in c)) (string->list word))
  value)

(define number-chars (string->list "+-.eE0123456789"))
(define (read-number in)
  (let ((from (input-at in)))
    (while (member (peek in) number-chars) (advance! in))
    (let ((number (string->number (substring (input-text in) from (input-at in)))))
      (if number number (json-error in "no number")))))

(define digits (string->list "0123456789abcdef"))
(define capitals (string->list "0123456789ABCDEF"))
(define (position item list)
  (let loop ((list list) (n 0))
    (cond ((null? list) #f)
          ((equal? (car list) item) n)
          (else (loop (cdr list) (+ n 1))))))

(define (hex-digit in c)
  (or (position c digits) (position c capitals) (json-error in "no hexadecimal digit")))

(define (read-hex in)
  (fold (lambda (sum i) (+ (* sum 16) (hex-digit in (take-char in)))) 0 (iota 4)))

; Characters beyond U+FFFF come as two halves.
(define (read-escaped-code in)
  (let ((high (read-hex in)))
    (if (and (<= 55296 high) (<= high 56319))
        (begin
          (expect in "\\")
          (expect in "u")
          (code->string (+ 65536 (* (- high 55296) 1024) (- (read-hex in) 56320))))
        (code->string high))))

(define escapes (dict "n" "\n" "t" "\t" "r" "\r" "b" (code->string 8) "f" (code->string 12)
                      "\"" "\"" "\\" "\\" "/" "/"))

(define (read-escape in)
  (let ((c (take-char in)))
    (cond ((equal? c "u") (read-escaped-code in))
          ((dict-has? escapes c) (dict-ref escapes c))
          (else (json-error in "unknown escape")))))

(define (read-text in)
  (expect in "\"")
  (let loop ((parts '()))
    (let ((c (take-char in)))
      (cond ((equal? c "\"") (string-join (reverse parts) ""))
            ((equal? c "\\") (loop (cons (read-escape in) parts)))
            ((< (string-code c) 32) (json-error in "a control character in a text"))
            (else (loop (cons c parts)))))))

; Items up to `end`, separated by commas; each is read by `read-item`.
(define (read-items in end read-item)
  (skip-blanks in)
  (if (equal? (peek in) end)
      (advance! in)
      (let loop ()
        (read-item)
        (skip-blanks in)
        (let ((c (take-char in)))
          (cond ((equal? c ",") (loop))
                ((not (equal? c end)) (json-error in "a comma or the end expected")))))))

(define (read-array in)
  (expect in "[")
  (let ((items (vector)))
    (read-items in "]" (lambda () (vector-push! items (read-value in))))
    items))

(define (read-object in)
  (expect in "{")
  (let ((object (dict)))
    (read-items in "}"
                (lambda ()
                  (skip-blanks in)
                  (let ((key (read-text in)))
                    (skip-blanks in)
                    (expect in ":")
                    (dict-set! object key (read-value in)))))
    object))

(define (read-value in)
  (skip-blanks in)
  (let ((c (peek in)))
    (cond ((equal? c "{") (read-object in))
          ((equal? c "[") (read-array in))
          ((equal? c "\"") (read-text in))
          ((equal? c "t") (read-word in "true" #t))
          ((equal? c "f") (read-word in "false" #f))
          ((equal? c "n") (read-word in "null" 'null))
          (else (read-number in)))))

(define (json-read text)
  (let* ((in (make-input text)) (value (read-value in)))
    (skip-blanks in)
    (if (at-end? in) value (json-error in "more than one value"))))

; ---- writing ----

(define (escape-char c)
  (cond ((equal? c "\"") "\\\"")
        ((equal? c "\\") "\\\\")
        ((equal? c "\n") "\\n")
        ((equal? c "\t") "\\t")
        ((< (string-code c) 32) (string-append "\\u00" (if (< (string-code c) 16) "0" "1")
                                               (list-ref digits (modulo (string-code c) 16))))
        (else c)))

(define (text->json text)
  (string-append "\"" (string-join (map escape-char (string->list text)) "") "\""))

(define (json-write value)
  (cond ((dict? value)
         (string-append
          "{"
          (string-join (map (lambda (key) (string-append (text->json key) ": " (json-write (dict-ref value key))))
                            (dict-keys value))
                       ", ")
          "}"))
        ((vector? value)
         (string-append "[" (string-join (map json-write (vector->list value)) ", ") "]"))
        ((string? value) (text->json value))
        ((eq? value #t) "true")
        ((eq? value #f) "false")
        ((eq? value 'null) "null")
        ((number? value) (->string value))
        (else (error "json: this cannot be written" value))))

; ---- what it can do ----

(define sample "
{ \"name\": \"Ouro\", \"tags\": [\"memory\", \"snake\", \"\\u00e9t\\u00e9\", \"\\ud83d\\udc0d\"],
  \"numbers\": [0, -1, 2.5, 1e3, 123456789012345678901234567890],
  \"nested\": {\"empty\": {}, \"list\": [], \"truth\": [true, false, null]},
  \"escapes\": \"a\\tb\\\\c\\\"d\\/e\\n\" }")

(define value (json-read sample))
(print (json-write value))
(print (dict-keys value))
(print (vector-ref (dict-ref value "tags") 3) " " (string-length (vector-ref (dict-ref value "tags") 3)))
(print "again the same: " (equal? (json-write value) (json-write (json-read (json-write value)))))

(for-each
 (lambda (text)
   (print (->written text) " -> " (try (json-write (json-read text)) (catch e e))))
 '("[1, 2" "[1 2]" "{\"a\" 1}" "tru" "\"\\x\"" "[] []" "" "-" "[[[[[]]]]]"))

; As large as it likes: lists in lists, deeper than any stack of C would like.
(define (repeat text n)
  (let loop ((n n) (parts '()))
    (if (= n 0) (string-join parts "") (loop (- n 1) (cons text parts)))))
(define deep (string-append (repeat "[" 20000) (repeat "]" 20000)))
(define (depth value)
  (let loop ((value value) (n 0))
    (if (= (vector-length value) 0) (+ n 1) (loop (vector-ref value 0) (+ n 1)))))
(print "depth: " (depth (json-read deep)))

(define many (json-read (string-append "[" (string-join (map (lambda (i) (string-append "{\"id\": " (->string i) "}"))
                                                            (iota 3000)) ", ") "]")))
(print "sum: " (fold (lambda (sum object) (+ sum (dict-ref object "id"))) 0 (vector->list many)))

#| prints:
{"name": "Ouro", "tags": ["memory", "snake", "été", "🐍"], "numbers": [0, -1, 2.5, 1000.0, 123456789012345678901234567890], "nested": {"empty": {}, "list": [], "truth": [true, false, null]}, "escapes": "a\tb\\c\"d/e\n"}
(name tags numbers nested escapes)
🐍 1
again the same: #t
"[1, 2" -> json: the text ends too early at 5
"[1 2]" -> json: a comma or the end expected at 4
"{\"a\" 1}" -> json: ":" expected, not "1" at 6
"tru" -> json: the text ends too early at 3
"\"\\x\"" -> json: unknown escape at 3
"[] []" -> json: more than one value at 3
"" -> json: no number at 0
"-" -> json: no number at 1
"[[[[[]]]]]" -> [[[[[]]]]]
depth: 20000
sum: 4498500
|#
