/* Counts the users of leases. */
#include "bus/leases/lease.h"

#include "core/base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 9562, section 5.4. */
void lease_uuid(char uuid[LEASE_UUID_SIZE], struct random *random)
{
	unsigned char bytes[16];
	char *end = uuid;

	random->fill(random, bytes, sizeof bytes);
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof bytes; i++)
		end += snprintf(end, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
}

struct lease *lease_new(const char *name, struct random *random)
{
	size_t size = strlen(name) + 1;
	struct lease *lease = must_alloc(sizeof *lease + size);

	lease->name = memcpy(lease + 1, name, size);
	lease_uuid(lease->term, random);
	lease->users = 1;
	return lease;
}

struct lease *lease_hold(struct lease *lease)
{
	if (lease)
		lease->users++;
	return lease;
}

void lease_release(struct lease **lease)
{
	struct lease *it = *lease;

	*lease = NULL;
	if (!it || --it->users)
		return;
	free(it);
}
