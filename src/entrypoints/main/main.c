/* allocd: a stock-allocation worker. */
#include "entrypoints/cli/print.h"
#include "entrypoints/cli/program.h"
#include "entrypoints/jobs/hidden_words.h"

#include "entrypoints/main/setup.h"

#include <unistd.h>

static enum exit_status run(const char *const words[])
{
	struct arena *arena = arena_new(1024);
	enum exit_status status = STATUS_USAGE;
	const char *error;

	words = hidden_words_read(words, stdin, arena, &error);
	if (words)
		status = program_main(words, (const char *const *)environ);
	else
		print_error("%s", error);
	arena_free(&arena);
	return status;
}

int main(int argc, char *argv[])
{
	(void)argc;
	if (!setup_process())
		return STATUS_FAILED;
	return (int)run((const char *const *)argv + (argv[0] ? 1 : 0));
}
