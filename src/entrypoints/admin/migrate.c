/* `allocd migrate`: brings the database's schema up to date. */
#include "entrypoints/main/wait_for_schema.h"

enum exit_status command_migrate(const struct invocation *invocation)
{
	return schema_prepare(&invocation->config, true, invocation->logger);
}
