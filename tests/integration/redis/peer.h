/* A peer on a port that is no Redis. */
#ifndef ALLOCD_TESTS_REDIS_PEER_H
#define ALLOCD_TESTS_REDIS_PEER_H

struct event_base;
struct peer;

/* What a peer does with the bytes that it receives. */
enum peer_manner { PEER_ECHOES, PEER_SAYS, PEER_IS_SILENT, PEER_HANGS_UP };

/* `text`: what PEER_SAYS sends whenever it receives something. It must live as long as the peer. */
struct peer *peer_new(struct event_base *base, enum peer_manner manner, const char *text);
void peer_free(struct peer **peer);

/* The same on a port and an address of this machine, such as 127.0.0.2. */
struct peer *peer_new_at(struct event_base *base, enum peer_manner manner, const char *text,
			 const char *address, int port);

int peer_port(const struct peer *peer);

#endif
