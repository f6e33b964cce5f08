/* getaddrinfo in a thread: it is the only one that knows all of the system's ways, and it blocks. */
#include "adapters/system/resolver.h"

#include "core/must.h"

#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What the thread and the loop share.  The last of the two to let go frees it. */
struct query {
	pthread_mutex_t mutex;
	bool answered, abandoned;
	int answered_fd; /* an eventfd that tells the loop */
	char *host;
	char service[8];
	int error; /* of getaddrinfo */
	struct addrinfo *addresses;
};

struct resolver {
	struct query *query;
	struct event *answered;
	resolver_done *done;
	void *context;
};

static void query_free(struct query *query)
{
	if (query->addresses)
		freeaddrinfo(query->addresses);
	pthread_mutex_destroy(&query->mutex);
	close(query->answered_fd);
	free(query->host);
	free(query);
}

static struct query *query_new(const char *host, uint16_t port)
{
	struct query *query = must_alloc(sizeof *query);

	pthread_mutex_init(&query->mutex, NULL);
	query->answered_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (query->answered_fd < 0)
		abort();
	query->host = must(strdup(host));
	snprintf(query->service, sizeof query->service, "%u", port);
	return query;
}

/* ---- in the thread ---- */

static void resolve(struct query *query, int flags)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICSERV | flags, .ai_socktype = SOCK_STREAM};

	query->error = getaddrinfo(query->host, query->service, &hints, &query->addresses);
}

static void answer(struct query *query)
{
	bool abandoned;

	pthread_mutex_lock(&query->mutex);
	query->answered = true;
	abandoned = query->abandoned;
	if (!abandoned)
		eventfd_write(query->answered_fd, 1);
	pthread_mutex_unlock(&query->mutex);
	if (abandoned)
		query_free(query);
}

static void *run(void *context)
{
	struct query *query = context;

	resolve(query, AI_ADDRCONFIG);
	answer(query);
	return NULL;
}

/* ---- in the loop ---- */

/* Signals are the loop's business. */
static bool start_thread(struct query *query)
{
	sigset_t all, before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, run, query);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		pthread_detach(thread);
	return !error;
}

static void on_answered(evutil_socket_t fd, short what, void *context)
{
	struct resolver *resolver = context;
	struct resolver ended = *resolver;
	struct addrinfo *addresses = ended.query->addresses;
	int error = ended.query->error;

	(void)fd;
	(void)what;
	ended.query->addresses = NULL;
	resolver_cancel(&resolver);
	ended.done(ended.context, addresses, addresses ? NULL : gai_strerror(error));
}

struct resolver *resolver_start(struct event_base *base, const char *host, uint16_t port, resolver_done *done,
				void *context)
{
	struct resolver *resolver = must_alloc(sizeof *resolver);
	struct query *query = query_new(host, port);

	*resolver = (struct resolver){query, NULL, done, context};
	resolver->answered = must(event_new(base, query->answered_fd, EV_READ, on_answered, resolver));
	event_add(resolver->answered, NULL);

	/* An address needs no thread. */
	resolve(query, AI_NUMERICHOST);
	if (!query->error) {
		answer(query);
	} else if (!start_thread(query)) {
		query->error = EAI_AGAIN;
		answer(query);
	}
	return resolver;
}

void resolver_cancel(struct resolver **resolver)
{
	struct query *query;
	bool answered;

	if (!*resolver)
		return;
	query = (*resolver)->query;
	event_free((*resolver)->answered);
	pthread_mutex_lock(&query->mutex);
	query->abandoned = true;
	answered = query->answered;
	pthread_mutex_unlock(&query->mutex);
	if (answered)
		query_free(query);
	free(*resolver);
	*resolver = NULL;
}
