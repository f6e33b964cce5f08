/* Randomness from getrandom(2). */
#include "adapters/system/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* Retries interrupted and partial reads; any other failure means a kernel without getrandom. */
static void fill(struct random *random, void *bytes, size_t size)
{
	unsigned char *next = bytes;

	(void)random;
	while (size) {
		ssize_t got = getrandom(next, size, 0);

		if (got < 0 && errno != EINTR) {
			perror("allocd: the kernel gives no random bytes");
			abort();
		}
		if (got > 0) {
			next += got;
			size -= (size_t)got;
		}
	}
}

struct random *system_random(void)
{
	static struct random random = {fill};

	return &random;
}
