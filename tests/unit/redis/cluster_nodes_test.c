/* Addresses of a cluster's nodes, in every form in which versions of Redis report them. */
#include "adapters/redis/discovery/cluster_nodes.h"

#include "replies.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *wire;
	bool is_moved;
	const char *host;
	uint16_t port;
} redirections[] = {
	{"-MOVED 3999 127.0.0.1:6381\r\n", true, "127.0.0.1", 6381},
	{"-MOVED 3999 redis-2.example.com:6381\r\n", true, "redis-2.example.com", 6381},
	{"-MOVED 1 2001:db8::1:6379\r\n", true, "2001:db8::1", 6379},
	{"-MOVED 1 :6381\r\n", true, "", 6381},
	{"-MOVED 1 ?:6381\r\n", true, "", 6381},
	{"-MOVED 1 h:0\r\n", false, NULL, 0},
	{"-MOVED 1 h:65536\r\n", false, NULL, 0},
	{"-MOVED 1 h:1x\r\n", false, NULL, 0},
	{"-MOVED 1 h\r\n", false, NULL, 0},
	{"-MOVED 1 \r\n", false, NULL, 0},
	{"-MOVED\r\n", false, NULL, 0},
	{"-ASK 1 127.0.0.1:6381\r\n", false, NULL, 0},
	{"$-1\r\n", false, NULL, 0},
};

START_TEST(moved_names_the_node_that_has_the_slot)
{
	struct cluster_node node;

	ck_assert_int_eq(cluster_read_moved(reply_of(redirections[_i].wire), &node),
			 redirections[_i].is_moved);

	if (redirections[_i].is_moved) {
		ck_assert_str_eq(node.host, redirections[_i].host);
		ck_assert_uint_eq(node.port, redirections[_i].port);
	}
}
END_TEST

/* Each node as host:port. */
static void expect_nodes(const char *text, const char *expected)
{
	char wire[2048], found[2048] = "";
	struct cluster_nodes nodes;

	snprintf(wire, sizeof wire, "$%zu\r\n%s\r\n", strlen(text), text);
	cluster_read_nodes(reply_of(wire), &nodes);
	for (size_t i = 0; i < nodes.count; i++)
		snprintf(found + strlen(found), sizeof found - strlen(found), "%s:%u ", nodes.nodes[i].host,
			 nodes.nodes[i].port);

	ck_assert_str_eq(found, expected);
}

static const struct {
	const char *text, *nodes;
} lists[] = {
	{"", ""},
	{"07c3 127.0.0.1:30004@31004 slave e7d1 0 1426238317239 4 connected\n"
	 "e7d1 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460\n",
	 "127.0.0.1:30004 127.0.0.1:30001 "},
	{"07c3 127.0.0.1:30004@31004,hostname4 slave e7d1\n", "hostname4:30004 "},
	{"07c3 127.0.0.1:30004@31004,,shard-id=69bc slave e7d1\n", "127.0.0.1:30004 "},
	{"07c3 127.0.0.1:30004@31004,h,shard-id=69bc slave e7d1\n", "h:30004 "},
	{"07c3 2001:db8::1:30004@31004 slave e7d1\n", "2001:db8::1:30004 "},
	{"07c3 :0@0 master,noaddr - 0\n07c3 :30004@31004 myself,master - 0\n07c3 h:1@2 master\n", "h:1 "},
	{"07c3 h:1@2 master\n07c4 other:30", "h:1 "},
	{"07c3 h:1@2 master\n07c4 other:3000@4000,na", "h:1 "},
	{"07c3 h:1@2 master\n07c4", "h:1 "},
	{"\n\n07c3\n \n", ""},
	{"a b c\n", ""},
};

START_TEST(the_nodes_of_a_cluster_are_listed)
{
	expect_nodes(lists[_i].text, lists[_i].nodes);
}
END_TEST

START_TEST(a_large_cluster_is_known_by_some_of_its_nodes)
{
	char text[1024] = "";
	struct cluster_nodes nodes;
	char wire[1200];

	for (int i = 0; i < 2 * CLUSTER_NODES_MAX; i++)
		strcat(text, "07c3 h:1@2 master\n");
	snprintf(wire, sizeof wire, "$%zu\r\n%s\r\n", strlen(text), text);
	cluster_read_nodes(reply_of(wire), &nodes);

	ck_assert_uint_eq(nodes.count, CLUSTER_NODES_MAX);
}
END_TEST

START_TEST(a_server_that_refuses_lists_no_nodes)
{
	struct cluster_nodes nodes = {.count = 3};

	cluster_read_nodes(reply_of("-ERR This instance has cluster support disabled\r\n"), &nodes);

	ck_assert_uint_eq(nodes.count, 0);
}
END_TEST

SUITE("redis cluster nodes")
{
	tcase_add_loop_test(tests, moved_names_the_node_that_has_the_slot, 0, COUNT(redirections));
	tcase_add_loop_test(tests, the_nodes_of_a_cluster_are_listed, 0, COUNT(lists));
	tcase_add_test(tests, a_large_cluster_is_known_by_some_of_its_nodes);
	tcase_add_test(tests, a_server_that_refuses_lists_no_nodes);
}
