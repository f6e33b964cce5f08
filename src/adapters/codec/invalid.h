/* The error texts of the codec. */
#ifndef ALLOCD_ADAPTERS_CODEC_INVALID_H
#define ALLOCD_ADAPTERS_CODEC_INVALID_H

#include "core/base/arena.h"
#include "core/field.h"

#include <stdbool.h>

/* Sets *error to "SUBJECT: what is wrong" and returns false.  Neither part may quote the payload. */
__attribute__((format(printf, 4, 5))) bool invalid(struct arena *arena, const char **error,
						   const char *subject, const char *format, ...);

/* The same for a field, by the name that the payload uses: "NAME: expected …". */
bool invalid_field(struct arena *arena, const char **error, const char *name, const struct field *field);

#endif
