/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/summary.h"

#include "cmd/list/format.h"

#define BAR_WIDTH     40
#define REASONS_SHOWN 10
#define COLOUR_BAR    "\033[36m"
#define COLOUR_OFF    "\033[0m"

static bool bar(struct buf *out, uint64_t n, uint64_t most, bool colour)
{
	static const char marks[] = "########################################";
	uint64_t len = most > 0 ? n * BAR_WIDTH / most : 0;
	if (n > 0 && len == 0)
		len = 1;
	if (len == 0)
		return buf_add_char(out, '\n');
	return (!colour || buf_addf(out, COLOUR_BAR)) &&
	       buf_addf(out, "  %.*s", (int)len, marks) &&
	       (!colour || buf_addf(out, COLOUR_OFF)) && buf_add_char(out, '\n');
}

static bool part(struct buf *out, uint64_t n, const char *what)
{
	return n == 0 || buf_addf(out, ", %llu %s", (unsigned long long)n, what);
}

static bool head(struct buf *out, const struct stats *t, int64_t now)
{
	char text[FORMAT_TIME];
	bool ok = buf_addf(out, "held       %llu message%s", (unsigned long long)t->held,
	                   format_plural(t->held));
	if (ok && t->held > 0) {
		format_age(text, t->oldest);
		ok = buf_addf(out, " for %llu recipient%s, %llu Kbytes",
		              (unsigned long long)t->recipients, format_plural(t->recipients),
		              format_kbytes(t->held_bytes)) &&
		     part(out, t->active, "being sent") && part(out, t->frozen, "frozen") &&
		     part(out, t->untried, "not tried yet") &&
		     buf_addf(out, "\noldest     %s (%s)", text, t->oldest_id);
	}
	if (ok && t->next_try > 0) {
		format_age(text, t->next_try - now);
		ok = t->next_try <= now ? buf_addf(out, "\nnext try   due now")
		                        : buf_addf(out, "\nnext try   in %s", text);
	}
	if (ok && t->failed > 0)
		ok = buf_addf(out, "\nfailed     %llu message%s, %llu Kbytes (mailq --failed)",
		              (unsigned long long)t->failed, format_plural(t->failed),
		              format_kbytes(t->failed_bytes));
	if (ok && t->damaged > 0)
		ok = buf_addf(out, "\ndamaged    %llu file%s in corrupt/",
		              (unsigned long long)t->damaged, format_plural(t->damaged));
	return ok && buf_add_char(out, '\n');
}

static bool ages(struct buf *out, const struct stats *t, bool colour)
{
	uint64_t most = 0;
	bool ok = buf_addf(out, "\nage of the messages\n");
	for (size_t i = 0; i < STATS_AGES; i++)
		if (t->ages[i] > most)
			most = t->ages[i];
	for (size_t i = 0; ok && i < STATS_AGES; i++)
		ok = buf_addf(out, "  %-10s %8llu", stats_age_name(i),
		              (unsigned long long)t->ages[i]) &&
		     bar(out, t->ages[i], most, colour);
	return ok;
}

static bool reason(struct buf *out, const char *text, uint64_t n, uint64_t most, bool colour)
{
	return buf_addf(out, "  %s\n  %10s %8llu", text, "", (unsigned long long)n) &&
	       bar(out, n, most, colour);
}

static bool reasons(struct buf *out, const struct stats *t, bool colour)
{
	uint64_t others = t->other_recipients, most = 0;
	bool ok = buf_addf(out, "\nwhy they wait, by recipient\n");
	for (size_t i = 0; i < t->reason_count; i++)
		if (i >= REASONS_SHOWN)
			others += t->reasons[i].recipients;
		else if (t->reasons[i].recipients > most)
			most = t->reasons[i].recipients;
	if (others > most)
		most = others;
	for (size_t i = 0; ok && i < t->reason_count && i < REASONS_SHOWN; i++)
		ok = reason(out, t->reasons[i].text, t->reasons[i].recipients, most, colour);
	return ok && (others == 0 || reason(out, "other reasons", others, most, colour));
}

bool summary_text(struct buf *out, const struct stats *t, int64_t now, bool colour)
{
	return head(out, t, now) && (t->held == 0 || ages(out, t, colour)) &&
	       (t->recipients == 0 || reasons(out, t, colour));
}

/* The lines in front of a metric's samples. */
static bool family(struct buf *out, enum summary_kind kind, const struct summary_metric *m)
{
	return buf_addf(out, "# TYPE %s %s\n", m->name,
	                kind == METRIC_COUNTER ? "counter" : "gauge") &&
	       (!m->unit || buf_addf(out, "# UNIT %s %s\n", m->name, m->unit)) &&
	       buf_addf(out, "# HELP %s %s\n", m->name, m->help);
}

bool summary_rows(struct buf *out, enum summary_kind kind, const struct summary_metric *rows,
                  size_t count)
{
	const char *end = kind == METRIC_COUNTER ? "_total" : "";
	bool ok = true;
	for (const struct summary_metric *m = rows; ok && m < rows + count; m++)
		ok = (kind == METRIC_TIME && m->value == 0) ||
		     (family(out, kind, m) &&
		      buf_addf(out, "%s%s %llu\n", m->name, end, (unsigned long long)m->value));
	return ok;
}

static bool label(struct buf *out, const char *text)
{
	bool ok = true;
	for (; ok && *text; text++)
		ok = *text == '"' || *text == '\\' ? buf_addf(out, "\\%c", *text)
		     : *text == '\n'               ? buf_add_str(out, STR("\\n"))
		                                   : buf_add_char(out, *text);
	return ok;
}

static bool sample(struct buf *out, const char *name, const char *text, uint64_t n)
{
	return buf_addf(out, "%s{reason=\"", name) && label(out, text) &&
	       buf_addf(out, "\"} %llu\n", (unsigned long long)n);
}

static bool metrics_reasons(struct buf *out, const struct stats *t)
{
	static const char name[] = "postern_waiting_recipients";
	const struct summary_metric m = {name, NULL, "Recipients that wait, by reason.", 0};
	uint64_t others = t->other_recipients;
	bool ok = family(out, METRIC_GAUGE, &m);
	for (size_t i = 0; ok && i < t->reason_count; i++)
		if (i < SUMMARY_LABELS)
			ok = sample(out, name, t->reasons[i].text, t->reasons[i].recipients);
		else
			others += t->reasons[i].recipients;
	return ok && (others == 0 || sample(out, name, "other", others));
}

bool summary_metrics(struct buf *out, const struct stats *t)
{
	const struct summary_metric metrics[] = {
	    {"postern_held_messages", NULL, "Messages that wait to be sent.", t->held},
	    {"postern_held_bytes", "bytes", "Size of the held messages.", t->held_bytes},
	    {"postern_frozen_messages", NULL, "Held messages that are frozen.", t->frozen},
	    {"postern_active_messages", NULL, "Held messages being sent just now.", t->active},
	    {"postern_untried_messages", NULL, "Held messages not tried yet.", t->untried},
	    {"postern_oldest_age_seconds", "seconds",
	     "Age of the oldest held message, 0 if none.", (uint64_t)t->oldest},
	    {"postern_failed_messages", NULL, "Failed messages that are kept.", t->failed},
	    {"postern_failed_bytes", "bytes", "Size of the failed messages.", t->failed_bytes},
	    {"postern_damaged_messages", NULL, "Damaged entries set aside.", t->damaged},
	};
	return summary_rows(out, METRIC_GAUGE, metrics, COUNT(metrics)) &&
	       metrics_reasons(out, t) && buf_add_str(out, STR("# EOF\n"));
}
