/*
 * Allocations that cannot fail.  When the system is out of memory the process says so and aborts: committed
 * work is safe, and messages that were not committed are delivered again.
 */
#ifndef ALLOCD_CORE_BASE_MUST_H
#define ALLOCD_CORE_BASE_MUST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns the result of an allocation, which is never NULL; aborts if it is. */
static inline void *must(void *memory)
{
	if (!memory) {
		fputs("allocd: out of memory\n", stderr);
		abort();
	}
	return memory;
}

/* Allocates zeroed memory, which the caller releases with free(). */
static inline void *must_alloc(size_t size)
{
	return must(calloc(1, size));
}

/* Both format a text, which the caller releases with free(). */
__attribute__((format(printf, 1, 0))) static inline char *must_vprintf(const char *format, va_list arguments)
{
	char *text;

	return vasprintf(&text, format, arguments) < 0 ? must(NULL) : text;
}

__attribute__((format(printf, 1, 2))) static inline char *must_printf(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = must_vprintf(format, arguments);
	va_end(arguments);
	return text;
}

/* For libraries that take malloc() and realloc() from their user: see setup_process(). */
static inline void *must_malloc(size_t size)
{
	return must(malloc(size));
}

static inline void *must_realloc(void *memory, size_t size)
{
	return must(realloc(memory, size ? size : 1));
}

#endif
