/* Bytes that the struct does not own; the function that passes it documents their lifetime. */
#ifndef ALLOCD_CORE_BASE_BYTES_H
#define ALLOCD_CORE_BASE_BYTES_H

#include <stddef.h>

struct bytes {
	const void *data;
	size_t size;
};

#endif
