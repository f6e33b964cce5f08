/* Runs getaddrinfo in a thread: only it honours all of the system's configuration, and it blocks. */
#include "adapters/system/resolver.h"

#include "core/base/must.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A silent name server blocks a thread for half a minute or more; beyond this many a look-up is refused. */
#define THREADS_MAX 64

static atomic_int threads;

/* The thread and the loop share a query; the last of the two to release it frees it. */
struct query {
	atomic_int holders;
	int answered_fd; /* an eventfd that wakes the loop; -1: there is no thread to answer */
	char *host;
	char service[8];

	pthread_mutex_t mutex; /* guards the answer */
	struct addrinfo *addresses;
	const char *error; /* static */
	char words[128];   /* the system's error, when `error` points here */
};

struct resolver {
	struct query *query;
	struct event *answered;
	resolver_done *done;
	void *context;
};

static struct query *query_new(const char *host, uint16_t port)
{
	struct query *query = must_alloc(sizeof *query);

	atomic_init(&query->holders, 1);
	pthread_mutex_init(&query->mutex, NULL);
	query->answered_fd = -1;
	query->host = must(strdup(host));
	snprintf(query->service, sizeof query->service, "%u", port);
	return query;
}

static void query_release(struct query *query)
{
	if (atomic_fetch_sub(&query->holders, 1) > 1)
		return;
	if (query->addresses)
		freeaddrinfo(query->addresses);
	if (query->answered_fd >= 0)
		close(query->answered_fd);
	pthread_mutex_destroy(&query->mutex);
	free(query->host);
	free(query);
}

static const char *system_words(struct query *query, int error)
{
	char buffer[sizeof query->words];

	snprintf(query->words, sizeof query->words, "%s", strerror_r(error, buffer, sizeof buffer));
	return query->words;
}

/* Looks the name up; true when it has addresses. */
static bool resolve(struct query *query, int flags)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICSERV | flags, .ai_socktype = SOCK_STREAM},
			*found = NULL;
	int error = getaddrinfo(query->host, query->service, &hints, &found), system_error = errno;

	pthread_mutex_lock(&query->mutex);
	query->addresses = error ? NULL : found;
	query->error = error == EAI_SYSTEM ? system_words(query, system_error)
		       : error             ? gai_strerror(error)
					   : NULL;
	pthread_mutex_unlock(&query->mutex);
	return !error;
}

/* ---- in the thread ---- */

static void *run(void *context)
{
	struct query *query = context;

	resolve(query, AI_ADDRCONFIG);
	atomic_fetch_sub(&threads, 1);
	eventfd_write(query->answered_fd, 1);
	query_release(query);
	return NULL;
}

/* ---- in the loop ---- */

/* The thread blocks all signals, which the loop handles.  Returns an errno, or 0. */
static int create_thread(struct query *query)
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
	return error;
}

/* False, with the error in the query, when no thread can be started. */
static bool start_thread(struct query *query)
{
	int error = 0;

	if (atomic_fetch_add(&threads, 1) >= THREADS_MAX) {
		query->error = "too many name look-ups are in flight";
		atomic_fetch_sub(&threads, 1);
		return false;
	}
	query->answered_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (query->answered_fd < 0)
		error = errno;
	atomic_fetch_add(&query->holders, 1);
	if (!error)
		error = create_thread(query);
	if (!error)
		return true;
	query->error = system_words(query, error);
	atomic_fetch_sub(&query->holders, 1);
	atomic_fetch_sub(&threads, 1);
	return false;
}

static void on_answered(evutil_socket_t fd, short what, void *context)
{
	struct resolver *resolver = context;
	struct resolver ended = *resolver;
	struct addrinfo *addresses;
	char error[sizeof ended.query->words] = "";

	(void)fd;
	(void)what;
	pthread_mutex_lock(&ended.query->mutex);
	addresses = ended.query->addresses;
	ended.query->addresses = NULL;
	if (ended.query->error)
		snprintf(error, sizeof error, "%s", ended.query->error);
	pthread_mutex_unlock(&ended.query->mutex);
	resolver_cancel(&resolver);
	ended.done(ended.context, addresses, addresses ? NULL : error);
}

struct resolver *resolver_start(struct event_base *base, const char *host, uint16_t port, resolver_done *done,
				void *context)
{
	struct resolver *resolver = must_alloc(sizeof *resolver);
	struct query *query = query_new(host, port);

	*resolver = (struct resolver){query, NULL, done, context};
	/* A numeric address needs no thread, and an error needs no descriptor to report it. */
	if (resolve(query, AI_NUMERICHOST) || !start_thread(query)) {
		resolver->answered = must(evtimer_new(base, on_answered, resolver));
		event_add(resolver->answered, &(struct timeval){0});
		return resolver;
	}
	resolver->answered = must(event_new(base, query->answered_fd, EV_READ, on_answered, resolver));
	event_add(resolver->answered, NULL);
	return resolver;
}

void resolver_cancel(struct resolver **resolver)
{
	if (!*resolver)
		return;
	event_free((*resolver)->answered);
	query_release((*resolver)->query);
	free(*resolver);
	*resolver = NULL;
}

bool resolver_is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}
