/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef ALLOCD_CORE_UTF8_H
#define ALLOCD_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_valid(const char *text, size_t length);

/* Code points in valid UTF-8. */
size_t utf8_count(const char *text, size_t length);

#endif
