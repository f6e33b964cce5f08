/* The process's file descriptors: keeps the standard ones open, and counts how many more can be opened. */
#ifndef ALLOCD_ADAPTERS_SYSTEM_DESCRIPTORS_H
#define ALLOCD_ADAPTERS_SYSTEM_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Opens /dev/null in place of each of the descriptors 0, 1 and 2 that is closed.  Otherwise the next file or
 * socket would get its number, and receive what is written to standard error or output.  Reading from such
 * an input and writing to such an output fail, as with a closed descriptor.  False, with errno, when
 * /dev/null cannot be opened.
 */
bool descriptors_open_standard(void);

/* Raises the soft limit to `wanted`, or to the hard limit where that is lower.  Never lowers it. */
void descriptors_raise_limit(size_t wanted);

/* How many descriptors can still be opened now, counted up to `wanted`. */
size_t descriptors_free(size_t wanted);

#endif
