/* `allocd rebuild-view`: corrects the read model from the write side, while workers run. */

#include "adapters/postgres/tools/rebuild.h"
#include "entrypoints/admin/admin_tools.h"

#include <inttypes.h>
#include <unistd.h>

static void show_progress(void *context, const struct rebuilding *rebuilding)
{
	(void)context;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%" PRId64 " lines and %" PRId64 " rows compared ", rebuilding->lines,
			rebuilding->rows);
}

enum exit_status command_rebuild_view(const struct invocation *invocation)
{
	struct tools *tools = tools_new(invocation);
	struct rebuilding rebuilding = {0};

	if (tools_open_database(tools)) {
		bool done = postgres_rebuild_view(tools_client(tools), &rebuilding, show_progress, NULL) ||
			    tools_report_database(tools);

		if (isatty(STDERR_FILENO))
			fputc('\n', stderr);
		printf("%sadded %" PRId64 ", corrected %" PRId64 ", removed %" PRId64 "\n",
		       done ? "" : "not finished: ", rebuilding.added, rebuilding.corrected,
		       rebuilding.removed);
	}
	return tools_free(&tools);
}
