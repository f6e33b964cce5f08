/*
 * The process's file descriptors: the standard ones are open, and the program knows how many it may have.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_DESCRIPTORS_H
#define ALLOCD_ADAPTERS_SYSTEM_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Opens /dev/null in place of each of the descriptors 0, 1 and 2 that is closed, so that no file or socket
 * gets its number and with it what is meant for standard error or output.  What stands in for an output
 * cannot be written to, and what stands in for the input cannot be read: whoever tries gets an error, as from
 * a closed descriptor.  False, with errno, when /dev/null cannot be opened.
 */
bool descriptors_open_standard(void);

/* Raises the soft limit to `wanted`, or to the hard limit where that is lower.  Never lowers it. */
void descriptors_raise_limit(size_t wanted);

/* How many descriptors can still be opened now, counted up to `wanted`. */
size_t descriptors_free(size_t wanted);

#endif
