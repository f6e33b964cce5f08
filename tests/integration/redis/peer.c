/* Peers that are no Redis. */
#include "peer.h"

#include <arpa/inet.h>
#include <check.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define CALLERS_MAX 64

struct peer {
	struct event_base *base;
	struct evconnlistener *listener;
	enum peer_manner manner;
	const char *text;
	int port;
	struct bufferevent *callers[CALLERS_MAX];
	size_t count;
};

static void on_readable(struct bufferevent *caller, void *context)
{
	struct peer *peer = context;
	struct evbuffer *input = bufferevent_get_input(caller);

	if (peer->manner == PEER_ECHOES)
		bufferevent_write_buffer(caller, input);
	else
		evbuffer_drain(input, evbuffer_get_length(input));
	if (peer->manner == PEER_SAYS)
		bufferevent_write(caller, peer->text, strlen(peer->text));
}

static void on_accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
			int size, void *context)
{
	struct peer *peer = context;
	struct bufferevent *caller;

	(void)listener;
	(void)address;
	(void)size;
	if (peer->manner == PEER_HANGS_UP || peer->count == CALLERS_MAX) {
		evutil_closesocket(fd);
		return;
	}
	caller = bufferevent_socket_new(peer->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(caller, on_readable, NULL, NULL, peer);
	bufferevent_enable(caller, EV_READ | EV_WRITE);
	peer->callers[peer->count++] = caller;
}

struct peer *peer_new(struct event_base *base, enum peer_manner manner, const char *text)
{
	return peer_new_at(base, manner, text, "127.0.0.1", 0);
}

struct peer *peer_new_at(struct event_base *base, enum peer_manner manner, const char *text, const char *ip,
			 int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct peer *peer = calloc(1, sizeof *peer);
	socklen_t size = sizeof address;

	ck_assert_int_eq(inet_pton(AF_INET, ip, &address.sin_addr), 1);
	*peer = (struct peer){.base = base, .manner = manner, .text = text};
	peer->listener =
		evconnlistener_new_bind(base, on_accepted, peer, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
					-1, (struct sockaddr *)&address, sizeof address);
	ck_assert_ptr_nonnull(peer->listener);
	getsockname(evconnlistener_get_fd(peer->listener), (struct sockaddr *)&address, &size);
	peer->port = ntohs(address.sin_port);
	return peer;
}

void peer_free(struct peer **peer)
{
	for (size_t i = 0; i < (*peer)->count; i++)
		bufferevent_free((*peer)->callers[i]);
	evconnlistener_free((*peer)->listener);
	free(*peer);
	*peer = NULL;
}

int peer_port(const struct peer *peer)
{
	return peer->port;
}
