/* message.h - words to standard error from a place where nothing may be allocated. */
#ifndef OURO_BASE_MESSAGE_H
#define OURO_BASE_MESSAGE_H

/* Print "ouro: ", the text, and a newline on standard error in one write; long texts are cut. */
void ouro__message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, then abort.  For heap corruption: going on would spread it. */
void ouro__die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn, cold));

#endif
