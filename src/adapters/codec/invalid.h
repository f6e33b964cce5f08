/* How the codec says no. */
#ifndef ALLOCD_ADAPTERS_CODEC_INVALID_H
#define ALLOCD_ADAPTERS_CODEC_INVALID_H

#include "core/base/arena.h"
#include "core/field.h"

#include <stdbool.h>

/* Puts "SUBJECT: what is wrong" into *error and returns false.  Neither part may quote a sender. */
__attribute__((format(printf, 4, 5))) bool invalid(struct arena *arena, const char **error,
						   const char *subject, const char *format, ...);

/* The same for a field, under the name it came by: "NAME: expected …". */
bool invalid_field(struct arena *arena, const char **error, const char *name, const struct field *field);

#endif
