/* allocd: a stock-allocation worker. */
#include "entrypoints/program.h"

#include "adapters/system/descriptors.h"

#include <unistd.h>

/* More than the program ever opens. */
#define DESCRIPTORS_WANTED ((size_t)4096)

int main(int argc, char *argv[])
{
	(void)argc;
	if (!descriptors_open_standard())
		return STATUS_FAILED;
	descriptors_raise_limit(DESCRIPTORS_WANTED);
	return (int)program_main((const char *const *)argv + (argv[0] ? 1 : 0), (const char *const *)environ);
}
