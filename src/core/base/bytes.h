/* A run of bytes somewhere else; the function that hands it over says how long it lives. */
#ifndef ALLOCD_CORE_BASE_BYTES_H
#define ALLOCD_CORE_BASE_BYTES_H

#include <stddef.h>

struct bytes {
	const void *data;
	size_t size;
};

#endif
