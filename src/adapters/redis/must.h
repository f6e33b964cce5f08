/* Memory that this adapter takes for itself: zeroed, never NULL. */
#ifndef ALLOCD_ADAPTERS_REDIS_MUST_H
#define ALLOCD_ADAPTERS_REDIS_MUST_H

#include <stdlib.h>

/* What a library allocated. */
static inline void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static inline void *must_alloc(size_t size)
{
	return must(calloc(1, size));
}

#endif
