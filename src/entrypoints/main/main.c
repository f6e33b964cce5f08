/* allocd: a stock-allocation worker. */
#include "entrypoints/cli/program.h"

#include "entrypoints/main/setup.h"

#include <unistd.h>

int main(int argc, char *argv[])
{
	(void)argc;
	if (!setup_process())
		return STATUS_FAILED;
	return (int)program_main((const char *const *)argv + (argv[0] ? 1 : 0), (const char *const *)environ);
}
