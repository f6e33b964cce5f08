/* `allocd rebuild-view`: corrects the read model from the write side, while workers run. */

#include "adapters/postgres/tools/rebuild.h"
#include "core/base/must.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"

#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

static void show_progress(void *context, const struct rebuilding *rebuilding)
{
	(void)context;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%" PRId64 " lines and %" PRId64 " rows compared ", rebuilding->lines,
			rebuilding->rows);
}

static void print_result(const struct invocation *invocation, const struct rebuilding *rebuilding, bool done)
{
	if (invocation_flag(invocation, "json"))
		json_line_print(must(json_pack("{s:b, s:I, s:I, s:I}", "finished", done, "added",
					       (json_int_t)rebuilding->added, "corrected",
					       (json_int_t)rebuilding->corrected, "removed",
					       (json_int_t)rebuilding->removed)),
				stdout);
	else
		printf("%sadded %" PRId64 ", corrected %" PRId64 ", removed %" PRId64 "\n",
		       done ? "" : "not finished: ", rebuilding->added, rebuilding->corrected,
		       rebuilding->removed);
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
		print_result(invocation, &rebuilding, done);
	}
	return tools_free(&tools);
}
