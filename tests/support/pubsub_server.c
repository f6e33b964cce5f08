/* Sends publications over a cable for each worker, in the order in which they reach the server. */
#include "support/pubsub_server.h"

#include "adapters/memory/simulation/random.h"
#include "core/base/arena.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

/* A worker that was disconnected connects again within this time. */
#define RECONNECT_MS 500

#define RUN_ID_IN_SECTION 8

/* ---- what reaches a worker ---- */

struct sending {
	struct pubsub_client *client;
	int64_t place;
	void (*arrive)(struct pubsub_client *client, const struct broadcast *broadcast);
	const struct broadcast *broadcast;
};

static void on_arrival(void *context)
{
	const struct sending *it = context;
	struct pubsub_client *client = it->client;

	client->arrived = it->place;
	if (!it->broadcast || it->place < client->dropped_from || it->place > client->dropped_to)
		it->arrive(client, it->broadcast);
}

static void send(struct pubsub_client *client,
		 void (*arrive)(struct pubsub_client *client, const struct broadcast *broadcast),
		 const struct broadcast *broadcast)
{
	struct sending it = {client, ++client->sent, arrive, broadcast};

	cable_pass(&client->answers, on_arrival, arena_copy(client->server->arena, &it, sizeof it));
}

static void hear(struct pubsub_client *client, const struct broadcast *broadcast)
{
	struct bytes payload = {broadcast->text, strlen(broadcast->text)};

	if (broadcast->type == MSG_NONE)
		leased_subscription_hear_marker(client->subscription, payload);
	else
		leased_subscription_hear(client->subscription, broadcast->type, message_name(broadcast->type),
					 payload, payload.size);
}

static void be_up(struct pubsub_client *client, const struct broadcast *nothing)
{
	(void)nothing;
	client->is_up = true;
	leased_subscription_up(client->subscription, client->run_id);
	lease_keeper_check(client->keeper);
	pubsub_client_mark(client);
}

static void connect_again(void *context)
{
	struct pubsub_client *client = context;

	client->again = NULL;
	pubsub_client_connect(client, NULL);
}

static void be_down(struct pubsub_client *client, const struct broadcast *nothing)
{
	struct pubsub_server *server = client->server;

	(void)nothing;
	client->is_up = false;
	leased_subscription_down(client->subscription);
	if (server->random)
		client->again = simulation_post(server->simulation,
						(int64_t)random_below(server->random, RECONNECT_MS),
						connect_again, client);
}

/* ---- the server ---- */

void pubsub_server_init(struct pubsub_server *server, struct simulation *simulation, struct arena *arena)
{
	*server = (struct pubsub_server){
		.simulation = simulation, .arena = arena, .run_id = "run-id-of-the-server"};
}

static void send_broadcast(struct pubsub_client *client, struct broadcast *broadcast)
{
	size_t waiting_max = client->server->waiting_max;

	if (!client->is_connected)
		return;
	client->has_marker |= broadcast->type == MSG_NONE;
	send(client, hear, broadcast);
	broadcast->to[client->worker] = (struct reception){client->process, client->sent, client->has_marker};
	if (waiting_max && cable_waiting(&client->answers) > waiting_max)
		pubsub_client_disconnect(client);
}

static struct broadcast *publish(struct pubsub_server *server, enum message_type type, const char *text)
{
	struct broadcast *it = arena_alloc(server->arena, sizeof *it);

	it->type = type;
	it->text = text;
	it->at_ms = simulation_now_ms(server->simulation);
	it->number = server->last ? server->last->number + 1 : 1;
	if (type == MSG_NONE)
		it->section = arena_printf(server->arena, "%.*s-%s", RUN_ID_IN_SECTION, server->run_id, text);
	*(server->last ? &server->last->next : &server->first) = it;
	server->last = it;
	for (int i = 0; i < PUBSUB_CLIENTS; i++) {
		if (server->clients[i])
			send_broadcast(server->clients[i], it);
	}
	return it;
}

struct broadcast *pubsub_publish(struct pubsub_server *server, enum message_type type, const char *text)
{
	return publish(server, type, text);
}

void pubsub_restart(struct pubsub_server *server)
{
	server->run_id = arena_printf(server->arena, "run-%d-of-the-server", ++server->restarts);
	for (int i = 0; i < PUBSUB_CLIENTS; i++) {
		if (server->clients[i])
			pubsub_client_disconnect(server->clients[i]);
	}
}

/* ---- a client ---- */

static void on_beat(void *context)
{
	struct pubsub_client *client = context;

	client->beat = simulation_post(client->server->simulation, PUBSUB_BEAT_MS, on_beat, client);
	pubsub_client_mark(client);
}

void pubsub_client_init(struct pubsub_client *client, struct pubsub_server *server, int worker, int process)
{
	client->server = server;
	client->worker = worker;
	client->process = process;
	cable_init(&client->requests, server->simulation);
	cable_init(&client->answers, server->simulation);
	client->beat = simulation_post(server->simulation, PUBSUB_BEAT_MS, on_beat, client);
	server->clients[worker] = client;
}

void pubsub_client_release(struct pubsub_client *client)
{
	struct pubsub_server *server = client->server;

	if (!server)
		return;
	cable_clear(&client->requests);
	cable_clear(&client->answers);
	simulation_cancel(server->simulation, &client->beat);
	simulation_cancel(server->simulation, &client->again);
	server->clients[client->worker] = NULL;
	*client = (struct pubsub_client){0};
}

static void on_subscribe(void *context)
{
	struct pubsub_client *client = context;

	if (!client->run_id)
		client->run_id = client->server->run_id;
	client->is_connected = true;
	client->has_marker = false;
	client->connections++;
	client->connected_ms = simulation_now_ms(client->server->simulation);
	send(client, be_up, NULL);
}

void pubsub_client_connect(struct pubsub_client *client, const char *run_id)
{
	client->run_id = run_id;
	cable_pass(&client->requests, on_subscribe, client);
}

/* A part of what is under way is lost, and so reaches no one. */
static void drop_under_way(struct pubsub_client *client)
{
	struct random *random = client->server->random;
	int64_t under_way = client->sent - client->arrived;

	if (!random)
		return;
	client->dropped_from = client->arrived + 1 + (int64_t)random_below(random, (uint64_t)under_way + 1);
	client->dropped_to = client->sent;
	for (struct broadcast *it = client->server->first; it; it = it->next) {
		struct reception *to = &it->to[client->worker];

		if (to->process == client->process && to->place >= client->dropped_from)
			*to = (struct reception){0};
	}
}

void pubsub_client_disconnect(struct pubsub_client *client)
{
	if (!client->is_connected)
		return;
	client->is_connected = false;
	drop_under_way(client);
	send(client, be_down, NULL);
}

static void hold_or_open(struct pubsub_client *client)
{
	(client->is_frozen ? cable_hold : cable_open)(&client->requests);
	(client->is_frozen || client->is_closed ? cable_hold : cable_open)(&client->answers);
}

void pubsub_client_freeze(struct pubsub_client *client, bool is_frozen)
{
	client->is_frozen = is_frozen;
	hold_or_open(client);
}

/* ---- what the subscription calls ---- */

struct marking {
	struct pubsub_server *server;
	const char *text;
};

static void on_marking(void *context)
{
	const struct marking *it = context;

	publish(it->server, MSG_NONE, it->text);
}

const char *pubsub_client_mark(void *context)
{
	struct pubsub_client *client = context;
	struct arena *arena = client->server->arena;
	struct marking it = {client->server, NULL};

	if (!client->is_up || client->is_frozen)
		return NULL;
	snprintf(client->marker, sizeof client->marker, "%d-%d-%d", client->worker, client->process,
		 ++client->marks);
	it.text = arena_strdup(arena, client->marker);
	cable_pass(&client->requests, on_marking, arena_copy(arena, &it, sizeof it));
	return client->marker;
}

static void set_closed(struct pubsub_client *client, bool is_closed)
{
	expect_that(client->is_closed != is_closed, "the client was paused or resumed twice");
	client->is_closed = is_closed;
	hold_or_open(client);
}

void pubsub_client_pause(void *context)
{
	set_closed(context, true);
}

void pubsub_client_resume(void *context)
{
	set_closed(context, false);
}
