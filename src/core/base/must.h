/*
 * Memory that there must be.  When the system has none left the process ends: what was committed is safe, and
 * what was not is delivered again.
 */
#ifndef ALLOCD_CORE_BASE_MUST_H
#define ALLOCD_CORE_BASE_MUST_H

#include <stdio.h>
#include <stdlib.h>

/* The result of an allocation, never NULL. */
static inline void *must(void *memory)
{
	if (!memory) {
		fputs("allocd: out of memory\n", stderr);
		abort();
	}
	return memory;
}

/* Zeroed; for free(). */
static inline void *must_alloc(size_t size)
{
	return must(calloc(1, size));
}

#endif
