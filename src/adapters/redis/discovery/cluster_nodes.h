/* The addresses of a cluster's nodes, as the cluster reports them: in MOVED, and in CLUSTER NODES. */
#ifndef ALLOCD_ADAPTERS_REDIS_DISCOVERY_CLUSTER_NODES_H
#define ALLOCD_ADAPTERS_REDIS_DISCOVERY_CLUSTER_NODES_H

#include "adapters/redis/server/redis_url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

/* Any node that is alive knows the others, so these suffice for a cluster of any size. */
#define CLUSTER_NODES_MAX 16

struct cluster_node {
	char host[REDIS_HOST_MAX + 1];
	uint16_t port;
};

struct cluster_nodes {
	struct cluster_node nodes[CLUSTER_NODES_MAX];
	size_t count;
};

/*
 * Reads the error MOVED, which names the node that has the slot.  An empty host stands for the host of the
 * node that answered.  False when the reply is something else.
 */
bool cluster_read_moved(const struct redisReply *reply, struct cluster_node *node);

/* Reads the reply to CLUSTER NODES, which may be cut anywhere; no nodes when Redis refused the command. */
void cluster_read_nodes(const struct redisReply *reply, struct cluster_nodes *nodes);

#endif
