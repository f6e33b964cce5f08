/*
 * Reads on a connection of their own, several at a time.  What is asked for while others are read waits for
 * them, and is then sent as one round: the busier the database, the less each read costs.  A read of a page,
 * whose result may be large, has a round of its own, so that no more than one such result is in memory.
 */
#include "adapters/postgres/connection/call_list.h"
#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/postgres.h"
#include "core/base/container_of.h"
#include "core/base/must.h"

#include <stdlib.h>

/* The maximum number of reads in progress; more are refused with FAILURE_RETRY. */
#define READS_MAX 256

struct postgres_views {
	struct views views;
	struct pg_connection *connection;
	struct event_base *base;
	struct pg_call *rounds; /* all of them */
	struct round *next;     /* takes further reads until it is sent; or NULL */
	struct round *reading;  /* was sent last of those that reads shared, and is not answered; or NULL */
	size_t reads;           /* that are not answered yet */
};

/* Orders whose lines one query reads. */
struct orders {
	struct query *query; /* NULL: none */
	struct param *ids;
	int64_t count;
	int row; /* of the result: the first of the next order that is answered */
};

/* Reads that are sent together, in one transaction; or one read. */
struct round {
	struct pg_call call;
	struct postgres_views *views;
	struct pg_read *first, **end;
	struct orders orders;
	size_t unanswered;
	struct event *refusal; /* answers a read that is not sent; else NULL */
};

/* Whether a read shares a round. */
enum share { READ_SHARED, READ_ALONE };

/* One read; exactly one of its five callbacks is set. */
struct pg_read {
	struct pg_read *next; /* of its round */
	struct round *round;
	struct query *query;
	struct query_pipeline alone; /* has this read only: sent when its round has failed */
	struct orders *orders;       /* those of the round, or only this one; of `allocations` */
	const char *orderid;
	int64_t order; /* its number in `orders`, from 1 on */
	allocations_done *allocations;
	stock_done *stock;
	events_done *events;
	gaps_done *gaps;
	ping_done *ping;
	void *context;
};

static struct postgres_views *postgres_views(struct views *views)
{
	return container_of(views, struct postgres_views, views);
}

/* ---- sending ---- */

static void on_refused(evutil_socket_t fd, short what, void *context);
static void on_round(void *context, const struct failure *failure);

static struct round *new_round(struct postgres_views *views)
{
	struct round *round = pg_call_begin(&views->rounds, sizeof *round);

	round->views = views;
	round->end = &round->first;
	return round;
}

static struct round *new_refused_round(struct postgres_views *views)
{
	struct round *round = new_round(views);

	round->refusal = must(evtimer_new(views->base, on_refused, round));
	evtimer_add(round->refusal, &(struct timeval){0});
	return round;
}

static struct round *round_for_read(struct postgres_views *views, enum share share)
{
	if (views->reads >= READS_MAX)
		return new_refused_round(views);
	if (share == READ_ALONE)
		return new_round(views);
	if (!views->next)
		views->next = new_round(views);
	return views->next;
}

static struct pg_read *new_read(struct views *port, enum share share, void *context)
{
	struct postgres_views *views = postgres_views(port);
	struct round *round = round_for_read(views, share);
	struct pg_read *read = arena_alloc(round->call.arena, sizeof *read);

	read->round = round;
	read->context = context;
	*round->end = read;
	round->end = &read->next;
	round->unanswered++;
	views->reads++;
	return read;
}

static struct pg_read *begin_read(struct views *port, enum statement_name statement, enum share share,
				  void *context)
{
	struct pg_read *read = new_read(port, share, context);

	read->query = query_pipeline_add(&read->round->call.pipeline, statement);
	return read;
}

/* Adds the order of the read to those of a query, which the first one begins. */
static void add_order(struct pg_read *read, struct orders *orders)
{
	if (!orders->query) {
		orders->query = query_pipeline_add(&read->round->call.pipeline, VIEW_ALLOCATIONS);
		orders->ids = query_array(orders->query, ARRAY_TEXT);
	}
	array_text(orders->ids, read->orderid);
	read->orders = orders;
	read->order = ++orders->count;
	read->query = orders->query;
}

static void send_round(struct round *round)
{
	pg_connection_run(round->views->connection, &round->call.pipeline, PIPELINE_READS, on_round, round);
}

/* While there is no session no read waits for others: each waits for one, for a second at most. */
static void send_next_round(struct postgres_views *views)
{
	struct round *round = views->next;

	if (!round || (views->reading && pg_connection_has_session(views->connection)))
		return;
	views->next = NULL;
	views->reading = round;
	send_round(round);
}

static void send_read(const struct pg_read *read)
{
	struct round *round = read->round;

	if (round == round->views->next)
		send_next_round(round->views);
	else if (!round->refusal)
		send_round(round);
}

static void read_allocations(struct views *views, const char *orderid, allocations_done *done, void *context)
{
	struct pg_read *read = new_read(views, READ_SHARED, context);

	read->allocations = done;
	read->orderid = arena_strdup(read->round->call.arena, orderid);
	add_order(read, &read->round->orders);
	send_read(read);
}

static void read_product(struct views *views, const char *sku, const char *after, stock_done *done,
			 void *context)
{
	struct pg_read *read = begin_read(views, VIEW_PRODUCT, READ_ALONE, context);

	read->stock = done;
	query_text(read->query, sku);
	query_text(read->query, after);
	query_int4(read->query, BATCHES_READ_MAX + 1);
	send_read(read);
}

static void read_batch(struct views *views, const char *batchref, stock_done *done, void *context)
{
	struct pg_read *read = begin_read(views, VIEW_BATCH, READ_SHARED, context);

	read->stock = done;
	query_text(read->query, batchref);
	send_read(read);
}

static void read_events(struct views *views, const char *sku, int64_t epoch, int64_t version,
			events_done *done, void *context)
{
	struct pg_read *read = begin_read(views, VIEW_EVENTS, READ_ALONE, context);

	read->events = done;
	query_text(read->query, sku);
	query_int8(read->query, version);
	query_int4(read->query, EVENTS_READ_MAX);
	query_int8(read->query, epoch);
	send_read(read);
}

static void read_gaps(struct views *views, gaps_done *done, void *context)
{
	struct pg_read *read = begin_read(views, READ_GAPS, READ_SHARED, context);

	read->gaps = done;
	query_int4(read->query, GAPS_READ_MAX);
	send_read(read);
}

static void ping(struct views *views, ping_done *done, void *context)
{
	struct pg_read *read = begin_read(views, PING, READ_SHARED, context);

	read->ping = done;
	send_read(read);
}

/* ---- answering ---- */

static void end_round(struct round *round)
{
	for (struct pg_read *read = round->first; read; read = read->next)
		query_pipeline_clear(&read->alone);
	if (round->refusal)
		event_free(round->refusal);
	pg_call_end(&round->call);
}

/* Orders are answered in the order of their numbers. */
static void answer_allocations(struct pg_read *read, const struct failure *failure)
{
	struct orders *orders = read->orders;
	const struct query *query = read->query;
	int first = orders->row, end = first;
	struct allocation_row *rows;

	while (end < query_rows(query) && result_int8(query, end, 0) == read->order)
		end++;
	rows = arena_alloc(read->round->call.arena, ((size_t)(end - first) + 1) * sizeof *rows);
	for (int row = first; row < end; row++)
		rows[row - first] = (struct allocation_row){
			.sku = result_peek(query, row, 1),
			.qty = result_int4(query, row, 2),
			.batchref = result_peek(query, row, 3),
		};
	orders->row = end;
	read->allocations(read->context, rows, (size_t)(end - first), failure);
}

static void answer_stock(struct pg_read *read, const struct failure *failure)
{
	const struct query *query = read->query;
	int rows = query_rows(query);
	struct batch_view *batches =
		arena_alloc(read->round->call.arena, ((size_t)rows + 1) * sizeof *batches);
	struct stock_page page = {.batches = batches};

	for (int row = 0; row < rows; row++) {
		page.sku = result_peek(query, row, 0);
		page.version = result_int8(query, row, 1);
		page.after_is_unknown = result_bool(query, row, 2);
		if (!result_is_null(query, row, 3)) /* else the page is empty */
			batches[page.count++] = (struct batch_view){
				.batchref = result_peek(query, row, 3),
				.eta = result_day(query, row, 4),
				.qty = result_int4(query, row, 5),
				.allocated = result_int4(query, row, 6),
			};
	}
	read->stock(read->context, &page, failure);
}

static void answer_events(struct pg_read *read, const struct failure *failure)
{
	const struct query *query = read->query;
	int rows = query_rows(query);
	struct event_frame *frames =
		arena_alloc(read->round->call.arena, ((size_t)rows + 1) * sizeof *frames);
	struct events_page page = {.frames = frames};

	for (int row = 0; row < rows; row++) {
		page.epoch = result_int8(query, row, 0);
		page.version = result_int8(query, row, 1);
		page.after = result_int8(query, row, 2);
		if (!result_is_null(query, row, 3)) /* else there are no events */
			frames[page.count++] =
				(struct event_frame){result_int8(query, row, 3), result_bytes(query, row, 4)};
	}
	read->events(read->context, &page, failure);
}

static void answer_gaps(struct pg_read *read, const struct failure *failure)
{
	size_t count = (size_t)query_rows(read->query);
	struct subscription_gap *gaps = arena_alloc(read->round->call.arena, (count + 1) * sizeof *gaps);

	for (size_t i = 0; i < count; i++)
		gaps[i] = (struct subscription_gap){
			.since = result_instant(read->query, (int)i, 0),
			.until = result_instant(read->query, (int)i, 1),
			.cause = result_peek(read->query, (int)i, 2),
		};
	read->gaps(read->context, gaps, count, failure);
}

static void answer_ping(struct pg_read *read, const struct failure *failure)
{
	struct database_health health = {.now_us = NO_INSTANT};

	if (!failure)
		health = (struct database_health){result_instant(read->query, 0, 0),
						  result_int8(read->query, 0, 1),
						  result_int8(read->query, 0, 2)};
	read->ping(read->context, &health, failure);
}

/* The last answer ends the round. */
static void answer(struct pg_read *read, const struct failure *failure)
{
	struct round *round = read->round;

	round->views->reads--;
	if (read->allocations)
		answer_allocations(read, failure);
	else if (read->stock)
		answer_stock(read, failure);
	else if (read->events)
		answer_events(read, failure);
	else if (read->gaps)
		answer_gaps(read, failure);
	else
		answer_ping(read, failure);
	if (--round->unanswered == 0)
		end_round(round);
}

static void on_read_alone(void *context, const struct failure *failure)
{
	answer(context, failure);
}

/* The query is also in the round's pipeline.  Behind a pooler the settings of a transaction precede it. */
static void fill_alone(struct pg_read *read)
{
	struct query_pipeline *alone = &read->alone;

	query_pipeline_init(alone, read->round->call.arena);
	if (read->allocations)
		add_order(read, arena_alloc(alone->arena, sizeof(struct orders)));
	alone->queries = arena_grow(alone->arena, NULL, 0, sizeof(struct query *));
	alone->queries[alone->count++] = read->query;
}

/* One read of the round failed, and with it all: now each has an outcome of its own. */
static void send_each_alone(const struct round *round)
{
	for (struct pg_read *read = round->first; read; read = read->next) {
		fill_alone(read);
		pg_connection_run(round->views->connection, &read->alone, PIPELINE_READS, on_read_alone,
				  read);
	}
}

static void answer_all(const struct round *round, const struct failure *failure)
{
	struct pg_read *read = round->first, *next;

	for (; read; read = next) {
		next = read->next;
		answer(read, failure);
	}
}

/*
 * The database reads the next round while this one is answered.  Without a session no read can do better
 * alone.
 */
static void on_round(void *context, const struct failure *failure)
{
	struct round *round = context;
	struct postgres_views *views = round->views;

	if (views->reading == round) {
		views->reading = NULL;
		send_next_round(views);
	}
	if (failure && round->unanswered > 1 && pg_connection_has_session(views->connection))
		send_each_alone(round);
	else
		answer_all(round, failure);
}

static void on_refused(evutil_socket_t fd, short what, void *context)
{
	static const struct failure too_many = {FAILURE_RETRY, "too many reads are waiting for the database"};

	(void)fd, (void)what;
	answer_all(context, &too_many);
}

/* ---- lifetime ---- */

static const struct views_ops views_ops = {
	.allocations = read_allocations,
	.product = read_product,
	.batch = read_batch,
	.events = read_events,
	.gaps = read_gaps,
	.ping = ping,
};

struct views *postgres_views_new(const struct postgres_config *config)
{
	struct postgres_views *views = must_alloc(sizeof *views);

	views->views.ops = &views_ops;
	views->base = config->base;
	views->connection = pg_connection_new(&(struct pg_connection_config){
		.base = config->base,
		.url = config->url,
		.servers = config->servers,
		.name = "views",
		.logger = config->logger,
		.connections = config->connections,
		.use = FOR_VIEWS,
		.start = config->start,
		.answer_timeout_ms = config->answer_timeout_ms,
	});
	return &views->views;
}

void postgres_views_free(struct views **pointer)
{
	struct postgres_views *views;

	if (!*pointer)
		return;
	views = postgres_views(*pointer);
	pg_connection_free(&views->connection);
	while (views->rounds)
		end_round(container_of(views->rounds, struct round, call));
	free(views);
	*pointer = NULL;
}
