/* `allocd outbox renew`: gives a restored database a new incarnation. */
#include "entrypoints/cli/options.h"
#include "entrypoints/main/admin_tools.h"

#include <string.h>
#include <unistd.h>

/* Whoever types it is asked; a script says so beforehand. */
static bool is_wanted(const struct invocation *invocation)
{
	char answer[8];

	if (invocation_flag(invocation, "yes"))
		return true;
	if (!isatty(STDIN_FILENO)) {
		fputs("allocd: outbox renew: expected --yes (see allocd help outbox renew)\n", stderr);
		return false;
	}
	fputs("Events that were not published before the restore, and those since, are published again.\n"
	      "Give the database a new incarnation? [y/N] ",
	      stderr);
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

enum exit_status command_outbox_renew(const struct invocation *invocation)
{
	struct tools *tools;
	enum exit_status status;
	const char *before, *after;

	if (!is_wanted(invocation))
		return STATUS_USAGE;
	tools = tools_new(invocation);
	if (tools_open_database(tools) && tools_renew_incarnation(tools, &before, &after))
		printf("%s -> %s\n", before, after);
	status = tools_status(tools);
	tools_free(&tools);
	return status;
}
