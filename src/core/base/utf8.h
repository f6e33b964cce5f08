/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef ALLOCD_CORE_BASE_UTF8_H
#define ALLOCD_CORE_BASE_UTF8_H

#include "core/base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stands for bytes that are not valid UTF-8. */
#define UTF8_REPLACEMENT UINT32_C(0xfffd)

bool utf8_is_valid(const char *text, size_t length);

/* Returns the length in bytes of the longest valid prefix. */
size_t utf8_valid_length(const char *text, size_t length);

/* Counts the code points of valid UTF-8. */
size_t utf8_count(const char *text, size_t length);

/*
 * Decodes the sequence at `text`, of which `length` bytes (at least one) are left; returns its length.  A
 * byte that does not begin a complete sequence is decoded alone, as UTF8_REPLACEMENT with *is_valid false.
 */
size_t utf8_next(const char *text, size_t length, uint32_t *code, bool *is_valid);

/* Returns the length of the longest prefix that has at most `limit` bytes and splits no sequence. */
size_t utf8_cut(const char *text, size_t length, size_t limit);

/* Replaces every byte that belongs to no complete sequence with a question mark, in place. */
void utf8_repair(char *text);

/* Returns a copy in `arena` that is repaired by utf8_repair(). */
char *utf8_repaired(struct arena *arena, const char *text);

/*
 * snprintf() for arguments that may hold any bytes: a text that does not fit is cut between code points, and
 * the buffer always holds valid UTF-8.
 */
__attribute__((format(printf, 3, 4))) void utf8_format(char *buffer, size_t size, const char *format, ...);
__attribute__((format(printf, 3, 0))) void utf8_vformat(char *buffer, size_t size, const char *format,
							va_list arguments);

/*
 * Whether a terminal or an editor obeys the code point instead of showing it: control characters, Unicode
 * line separators, bidirectional marks, and invisible characters other than the joiners, without which
 * Persian and emoji cannot be written.
 */
bool utf8_is_control(uint32_t code);

/*
 * Returns a copy in `arena` that cannot end a line, move the cursor or change the text direction: control
 * characters (utf8_is_control()) are escaped as in JSON, and bytes that are not valid UTF-8 become U+FFFD.
 */
const char *utf8_printable(struct arena *arena, const char *text);

#endif
