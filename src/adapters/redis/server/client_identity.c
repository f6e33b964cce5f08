/* CLIENT INFO and CLIENT KILL.  A restarted Redis reuses ids, so a client is killed by id and address. */
#include "adapters/redis/server/client_identity.h"

#include "adapters/redis/protocol/resp_writer.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

void client_identity_ask(struct evbuffer *out)
{
	resp_append_command(out, (struct bytes[]){bytes_of("CLIENT"), bytes_of("INFO")}, 2);
}

void client_identity_read(struct client_identity *identity, const redisReply *reply)
{
	*identity = (struct client_identity){0};
	if (reply->type == REDIS_REPLY_STRING &&
	    sscanf(reply->str, "id=%23[0-9] addr=%127s", identity->id, identity->address) != 2)
		*identity = (struct client_identity){0};
}

void client_identity_kill(const struct client_identity *identity, struct evbuffer *out)
{
	struct bytes kill[] = {bytes_of("CLIENT"),     bytes_of("KILL"), bytes_of("ID"),
			       bytes_of(identity->id), bytes_of("ADDR"), bytes_of(identity->address)};

	resp_append_command(out, kill, sizeof kill / sizeof kill[0]);
}
