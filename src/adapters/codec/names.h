/* Detects two members with the same name in an object: collects the names, then compares them. */
#ifndef ALLOCD_ADAPTERS_CODEC_NAMES_H
#define ALLOCD_ADAPTERS_CODEC_NAMES_H

#include "adapters/codec/value.h"

#include <stdbool.h>

#define NAMES_FEW 16

struct names {
	size_t count;
	struct text *all; /* `few`, or from malloc() */
	struct text few[NAMES_FEW];
};

/* `room`: the most names that will be added. */
void names_init(struct names *names, size_t room);

static inline void names_add(struct names *names, struct text name)
{
	names->all[names->count++] = name;
}

/* Whether a name occurs twice.  Reorders the names. */
bool names_repeat(struct names *names);

void names_release(struct names *names);

#endif
