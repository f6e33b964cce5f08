/* libcurl's multi interface on libevent: https://curl.se/libcurl/c/curl_multi_socket_action.html */
#include "adapters/otlp/otlp_http.h"

#include "core/base/must.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

struct otlp_http {
	struct event_base *base;
	CURLM *multi;
	CURL *request;
	struct curl_slist *headers;
	struct event *timer;
	otlp_http_done *done;
	void *context;
	bool is_busy;
	char error[CURL_ERROR_SIZE];
};

/* ---- the end of a request ---- */

static void finish(struct otlp_http *http, CURLcode result)
{
	struct otlp_answer answer = {0};
	curl_off_t retry_after = 0;
	long status = 0;

	curl_easy_getinfo(http->request, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(http->request, CURLINFO_RETRY_AFTER, &retry_after);
	curl_multi_remove_handle(http->multi, http->request);
	http->is_busy = false;
	answer.retry_after_s = retry_after;
	if (result == CURLE_OK)
		answer.status = (int)status;
	else
		answer.error = http->error[0] ? http->error : curl_easy_strerror(result);
	http->done(http->context, &answer);
}

static void act(struct otlp_http *http, curl_socket_t socket, int what)
{
	int running, left;
	const CURLMsg *message;

	curl_multi_socket_action(http->multi, socket, what, &running);
	while ((message = curl_multi_info_read(http->multi, &left))) {
		if (message->msg == CURLMSG_DONE)
			finish(http, message->data.result);
	}
}

/* ---- what libcurl waits for ---- */

static void on_socket(evutil_socket_t socket, short what, void *context)
{
	act(context, socket,
	    (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
	(void)socket;
	(void)what;
	act(context, CURL_SOCKET_TIMEOUT, 0);
}

static int watch_socket(CURL *request, curl_socket_t socket, int what, void *context, void *watched)
{
	struct otlp_http *http = context;
	struct event *event = watched;
	short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));

	(void)request;
	if (event)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		event = must(event_new(http->base, socket, (short)(events | EV_PERSIST), on_socket, http));
		event_add(event, NULL);
	}
	curl_multi_assign(http->multi, socket, event);
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct otlp_http *http = context;
	const struct timeval delay = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	(void)multi;
	if (timeout_ms < 0)
		evtimer_del(http->timer);
	else
		evtimer_add(http->timer, &delay);
	return 0;
}

/* ---- a request ---- */

/* The answer's status says enough. */
static size_t ignore_body(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

/*
 * Reading the authorities delays messages.  libcurl keeps those of a file in memory, if there is no directory
 * of authorities besides (CURLOPT_CA_CACHE_TIMEOUT); otherwise it reads all of them for each connection.
 */
static void set_authorities(CURL *request, const char *ca_file)
{
	char *systems = NULL;

	curl_easy_getinfo(request, CURLINFO_CAINFO, &systems);
	if (!ca_file && !systems)
		return;
	curl_easy_setopt(request, CURLOPT_CAINFO, ca_file ? ca_file : systems);
	curl_easy_setopt(request, CURLOPT_CAPATH, NULL);
}

static void set_options(struct otlp_http *http, const struct otlp_http_config *config)
{
	CURL *request = http->request;

	curl_easy_setopt(request, CURLOPT_URL, config->url);
	curl_easy_setopt(request, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(request, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(request, CURLOPT_PROXY, ""); /* ignore the environment's proxy */
	curl_easy_setopt(request, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(request, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(request, CURLOPT_TIMEOUT_MS, config->timeout_ms);
	curl_easy_setopt(request, CURLOPT_HTTPHEADER, http->headers);
	curl_easy_setopt(request, CURLOPT_USERAGENT, "allocd");
	curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, ignore_body);
	curl_easy_setopt(request, CURLOPT_ERRORBUFFER, http->error);
	set_authorities(request, config->ca_file);
}

struct otlp_http *otlp_http_new(const struct otlp_http_config *config)
{
	struct otlp_http *http = must_alloc(sizeof *http);

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		must(NULL);
	http->base = config->base;
	http->done = config->done;
	http->context = config->context;
	http->multi = must(curl_multi_init());
	http->request = must(curl_easy_init());
	http->timer = must(evtimer_new(config->base, on_timer, http));
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	for (const char *const *header = config->headers; *header; header++)
		http->headers = must(curl_slist_append(http->headers, *header));
	set_options(http, config);
	return http;
}

void otlp_http_post(struct otlp_http *http, const char *body, size_t size)
{
	http->is_busy = true;
	http->error[0] = '\0';
	curl_easy_setopt(http->request, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
	curl_easy_setopt(http->request, CURLOPT_POSTFIELDS, body);
	curl_multi_add_handle(http->multi, http->request);
}

void otlp_http_free(struct otlp_http **http)
{
	struct otlp_http *it = *http;

	if (!it)
		return;
	if (it->is_busy)
		curl_multi_remove_handle(it->multi, it->request);
	curl_easy_cleanup(it->request);
	curl_multi_cleanup(it->multi);
	curl_slist_free_all(it->headers);
	event_free(it->timer);
	free(it);
	curl_global_cleanup();
	*http = NULL;
}

/* ---- URLs ---- */

const char *otlp_url_defect(const char *url)
{
	CURLU *parsed = must(curl_url());
	bool is_url = curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK;
	char *scheme = NULL;
	const char *defect = NULL;

	if (!is_url || curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		defect = "expected http://HOST[:PORT][/PATH] or https://...";
	curl_free(scheme);
	curl_url_cleanup(parsed);
	return defect;
}
