/* Memory that these adapters take for themselves: zeroed, never NULL. */
#ifndef ALLOCD_ADAPTERS_SYSTEM_MUST_H
#define ALLOCD_ADAPTERS_SYSTEM_MUST_H

#include <stdlib.h>

static inline void *must_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

#endif
