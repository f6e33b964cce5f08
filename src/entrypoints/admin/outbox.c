/* `allocd outbox renew`: gives a restored database a new incarnation. */
#include "adapters/postgres/tools/outbox_tools.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"

#include <string.h>
#include <unistd.h>

/* Asks at the terminal; a script must give --yes. */
static bool is_confirmed(const struct invocation *invocation)
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
	char before[INCARNATION_SIZE], after[INCARNATION_SIZE];

	if (!is_confirmed(invocation))
		return STATUS_USAGE;
	tools = tools_new(invocation);
	if (tools_open_database(tools)) {
		if (postgres_renew_incarnation(tools_client(tools), before, after))
			printf("%s -> %s\n", before, after);
		else
			tools_report_database(tools);
	}
	status = tools->status;
	tools_free(&tools);
	return status;
}
