/* Writes the mail to a stock keeper: the line that found no stock, the present stock, and advice. */
#include "adapters/smtp/mail_text.h"

#include "adapters/smtp/mail_format.h"
#include "core/base/calendar.h"
#include "core/base/memory_stream.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An order line whose texts are printable. */
struct shown {
	const char *sku, *orderid;
	int32_t qty;
	const struct stock *stock;
	struct arena *arena;
};

/* ---- the body ---- */

static void write_line(FILE *out, const struct shown *line)
{
	fprintf(out,
		"No batch of %s has enough free stock for this order line:\n\n"
		"    Order:     %s\n"
		"    SKU:       %s\n"
		"    Quantity:  %" PRId32 "\n\n",
		line->sku, line->orderid, line->sku, line->qty);
}

static void write_batch(FILE *out, const struct shown *line, const struct stock_batch *batch)
{
	char where[32] = "in the warehouse", day[DAY_TEXT_SIZE];

	if (batch->eta != IN_WAREHOUSE) {
		day_format(batch->eta, day);
		snprintf(where, sizeof where, "due %s", day);
	}
	fprintf(out, "    %-16s  %10" PRId32 "  in batch %s\n", where, batch->free,
		utf8_printable(line->arena, batch->reference));
}

static void write_stock(FILE *out, const struct shown *line, time_t now)
{
	const struct stock *stock = line->stock;
	char time[32];
	struct tm date;

	gmtime_r(&now, &date);
	strftime(time, sizeof time, "%Y-%m-%d %H:%M UTC", &date);
	if (!stock->count) {
		fprintf(out, "At %s nothing of it is free, in the warehouse or due.\n\n", time);
		return;
	}
	fprintf(out, "At %s these quantities of it are free:\n\n", time);
	for (size_t i = 0; i < stock->count; i++)
		write_batch(out, line, &stock->batches[i]);
	fputs(stock->has_more ? "    and further batches, which come later\n\n" : "\n", out);
}

/* The batch that would take the line now, or NULL. */
static const struct stock_batch *fitting_batch(const struct shown *line)
{
	for (size_t i = 0; i < line->stock->count; i++) {
		if (line->stock->batches[i].free >= line->qty)
			return &line->stock->batches[i];
	}
	return NULL;
}

static void write_advice(FILE *out, const struct shown *line)
{
	const struct stock_batch *fitting = fitting_batch(line);

	fputs("What to do:\n\n", out);
	if (fitting) {
		fprintf(out,
			"  * Batch %s has enough by now.\n"
			"    Have \"allocate\" sent again for this order, SKU and quantity: the\n"
			"    line is not allocated by itself.\n",
			utf8_printable(line->arena, fitting->reference));
		return;
	}
	fprintf(out,
		"  * Order stock, or correct the quantity of a batch. Once one batch has\n"
		"    %" PRId32 " free, have \"allocate\" sent again for this order, SKU and\n"
		"    quantity: the line is not allocated by itself.\n",
		line->qty);
	if (line->stock->count)
		fputs("  * Or have the order divided into lines that fit the batches above: a\n"
		      "    line is taken whole from one batch.\n",
		      out);
	fputs("  * Or tell the customer. The line holds no stock, so there is nothing\n"
	      "    to give back.\n",
	      out);
}

static char *body_of(const struct shown *line, time_t now)
{
	char *text;
	size_t size;
	FILE *out = memory_stream_open(&text, &size);

	write_line(out, line);
	write_stock(out, line, now);
	write_advice(out, line);
	fclose(out);
	return text;
}

/* ---- the header ---- */

const char *mail_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at && at[1] ? at + 1 : "localhost";
}

static void write_header(FILE *out, const struct notification *notification, const struct shown *line,
			 const char *from, time_t now)
{
	mail_write_date(out, now);
	fprintf(out, "From: %s\r\nTo: %s\r\n", from, notification->recipient);
	mail_write_field(out, "Subject",
			 arena_printf(line->arena, "Out of stock: %" PRId32 " of %s for order %s", line->qty,
				      line->sku, line->orderid));
	fprintf(out, "Message-ID: <%" PRId64 ".%s@%s>\r\n", notification->key,
		notification->stock->incarnation, mail_domain(from));
	fputs("Auto-Submitted: auto-generated\r\n"
	      "MIME-Version: 1.0\r\n"
	      "Content-Type: text/plain; charset=UTF-8\r\n"
	      "Content-Transfer-Encoding: quoted-printable\r\n"
	      "\r\n",
	      out);
}

char *mail_text(const struct notification *notification, const char *from, time_t now)
{
	struct arena *arena = arena_new(4096);
	const struct shown line = {
		.sku = utf8_printable(arena, notification->sku),
		.orderid = utf8_printable(arena, notification->orderid),
		.qty = notification->qty,
		.stock = notification->stock,
		.arena = arena,
	};
	char *body = body_of(&line, now), *text;
	size_t size;
	FILE *out = memory_stream_open(&text, &size);

	write_header(out, notification, &line, from, now);
	mail_write_body(out, body);
	fclose(out);
	free(body);
	arena_free(&arena);
	return text;
}
