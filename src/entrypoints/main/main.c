/* allocd: a stock-allocation worker. */
#include "entrypoints/cli/program.h"

#include "adapters/system/descriptors.h"
#include "adapters/system/random.h"
#include "core/base/hash.h"

#include <unistd.h>

/* More than the program ever opens. */
#define DESCRIPTORS_WANTED ((size_t)4096)

/* A sender of messages cannot choose names that collide. */
static void set_hash_key(void)
{
	uint64_t key[HASH_KEY_WORDS];

	system_random()->fill(system_random(), key, sizeof key);
	hash_set_key(key);
}

int main(int argc, char *argv[])
{
	(void)argc;
	if (!descriptors_open_standard())
		return STATUS_FAILED;
	descriptors_raise_limit(DESCRIPTORS_WANTED);
	set_hash_key();
	return (int)program_main((const char *const *)argv + (argv[0] ? 1 : 0), (const char *const *)environ);
}
