/* allocd-bench: measures how fast a running worker is, and checks that every message had its effect. */
#include "entrypoints/bench/bench.h"
#include "entrypoints/bench_workload/bench_options.h"
#include "entrypoints/cli/invoke.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/setup.h"

#include <string.h>
#include <unistd.h>

static const struct command bench = {
	.name = "allocd-bench",
	.is_program = true,
	.arguments = "[SCENARIO]",
	.arguments_max = 1,
	.options = bench_own_options,
	.summary = "Measures how fast the running worker is, and checks every effect.",
	.examples = "allocd-bench\n"
		    "allocd-bench latency --rate 200 --seconds 30",
	.details = "SCENARIO: allocate (default): order lines; reallocate: quantity changes, half of\n"
		   "which move a line; mixed: both, and new stock; hot: order lines of 10 SKUs;\n"
		   "latency: order lines at a fixed rate.\n"
		   "Meant for a test installation: a run gives names of its own to what it makes, and\n"
		   "leaves it there: batches, lines, events, stream entries.  The worker's figures come\n"
		   "from ALLOCD_HTTP; those of Postgres need it on this machine.  Ends with 1 when a\n"
		   "message did not have its effect, with 75 when it was interrupted.",
	.uses = USED_BY_BENCH,
	.run = bench_run,
};

static enum exit_status print_version(const struct invocation *invocation)
{
	(void)invocation;
	puts("allocd-bench " ALLOCD_VERSION);
	return STATUS_DONE;
}

static const struct command version = {.name = "allocd-bench", .is_program = true, .run = print_version};

int main(int argc, char *argv[])
{
	const char *const *words = (const char *const *)argv + (argc > 0 ? 1 : 0);

	if (!setup_process())
		return STATUS_FAILED;
	print_errors_as(bench.name);
	if (words[0] && strcmp(words[0], "--version") == 0)
		return (int)invoke(&version, words + 1, (const char *const *)environ);
	return (int)invoke(&bench, words, (const char *const *)environ);
}
