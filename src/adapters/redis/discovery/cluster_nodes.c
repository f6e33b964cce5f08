/* "MOVED slot host:port", and a line "id host:port@bus-port[,name[,...]] flags ..." for each node. */
#include "adapters/redis/discovery/cluster_nodes.h"

#include "adapters/redis/protocol/redis_error.h"

#include <hiredis/hiredis.h>
#include <string.h>

/* Reads "host:port", of which an IPv6 address has no brackets, up to `end`. */
static bool read_address(const char *text, const char *end, struct cluster_node *node)
{
	const char *colon = memrchr(text, ':', (size_t)(end - text));
	size_t size = colon ? (size_t)(colon - text) : 0;

	if (!colon || size > REDIS_HOST_MAX || !redis_port_read(colon + 1, end, &node->port))
		return false;
	memcpy(node->host, text, size);
	node->host[size] = '\0';
	return true;
}

bool cluster_read_moved(const struct redisReply *reply, struct cluster_node *node)
{
	const char *blank = redis_error_is(reply, "MOVED") ? strrchr(reply->str, ' ') : NULL;

	if (!blank || !read_address(blank + 1, blank + strlen(blank), node))
		return false;
	if (!strcmp(node->host, "?")) /* a node whose name the cluster does not know */
		node->host[0] = '\0';
	return true;
}

/* Redis 7 adds the name by which a node wants to be known, and further fields NAME=VALUE. */
static void prefer_name(const char *text, const char *end, struct cluster_node *node)
{
	const char *name = memchr(text, ',', (size_t)(end - text));
	size_t size = name ? strcspn(++name, ", \n") : 0;

	if (size == 0 || size > REDIS_HOST_MAX || memchr(name, '=', size))
		return;
	memcpy(node->host, name, size);
	node->host[size] = '\0';
}

/* Reads the line's address; false when it has none, or is cut before its end. */
static bool read_line(const char *line, struct cluster_node *node)
{
	const char *address = line + strcspn(line, " \n");
	const char *end = address + (*address == ' '), *at = memchr(end, '@', strcspn(end, " \n"));

	address = end;
	end += strcspn(end, " \n");
	if (!at || *end != ' ' || !read_address(address, at, node))
		return false;
	prefer_name(at, end, node);
	return *node->host;
}

void cluster_read_nodes(const struct redisReply *reply, struct cluster_nodes *nodes)
{
	const char *line = reply->type == REDIS_REPLY_STRING ? reply->str : "";

	nodes->count = 0;
	while (*line && nodes->count < CLUSTER_NODES_MAX) {
		nodes->count += read_line(line, &nodes->nodes[nodes->count]);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}
