/* allocd: a stock-allocation worker. */
#include "entrypoints/program.h"

#include <unistd.h>

int main(int argc, char *argv[])
{
	(void)argc;
	return (int)program_main((const char *const *)argv + (argv[0] ? 1 : 0), (const char *const *)environ);
}
