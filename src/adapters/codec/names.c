/* Compares a few names with each other and sorts many: a payload has room for tens of thousands of them. */
#include "adapters/codec/names.h"

#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

void names_init(struct names *names, size_t room)
{
	names->count = 0;
	names->all = room <= NAMES_FEW ? names->few : must(malloc(room * sizeof *names->all));
}

void names_release(struct names *names)
{
	if (names->all != names->few)
		free(names->all);
}

static int compare(const void *a, const void *b)
{
	const struct text *one = a, *other = b;

	if (one->length != other->length)
		return one->length < other->length ? -1 : 1;
	return memcmp(one->start, other->start, one->length);
}

static bool repeat_among_few(const struct names *names)
{
	for (size_t i = 1; i < names->count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (!compare(&names->all[i], &names->all[j]))
				return true;
		}
	}
	return false;
}

bool names_repeat(struct names *names)
{
	if (names->count <= NAMES_FEW)
		return repeat_among_few(names);
	qsort(names->all, names->count, sizeof *names->all, compare);
	for (size_t i = 1; i < names->count; i++) {
		if (!compare(&names->all[i - 1], &names->all[i]))
			return true;
	}
	return false;
}
