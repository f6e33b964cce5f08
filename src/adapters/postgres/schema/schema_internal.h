/* What the files of the schema share.  Private to this folder. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_SCHEMA_SCHEMA_INTERNAL_H
#define ALLOCD_ADAPTERS_POSTGRES_SCHEMA_SCHEMA_INTERNAL_H

#include "adapters/postgres/postgres.h"
#include "adapters/postgres/tools/blocking_client.h"

/* Returns the result that the client's last error means, and sets the text to the error. */
enum schema_result schema_fail_with_last_error(const struct blocking_client *client,
					       char text[SCHEMA_TEXT_SIZE]);

/* See postgres_check_installation(). */
enum schema_result schema_check_installation(struct blocking_client *client, struct installation *mine,
					     bool takes, char text[SCHEMA_TEXT_SIZE]);

#endif
