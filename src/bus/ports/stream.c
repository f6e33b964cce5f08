/* Finds an incarnation's mark among those that a stream bears. */
#include "bus/ports/stream.h"

#include <string.h>

bool stream_lives_hold(const char *lives, const char *life)
{
	size_t length = strlen(life);

	for (const char *at = lives; *at; at += strspn(at, " ")) {
		size_t size = strcspn(at, " ");

		if (size == length && memcmp(at, life, size) == 0)
			return true;
		at += size;
	}
	return false;
}
