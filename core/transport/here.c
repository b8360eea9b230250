/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/here.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "mail/addr.h"

#define LOGGED_MAX   10 /* lines of the aliases that are refused */
#define ALIASES_MAX  (64 * 1024 * 1024)
#define NAME_WAIT_MS 5000 /* for the resolver to tell our own name */

/* A name is stored and compared without the dot that may end it. */
static char *copy_name(const char *name)
{
	struct str text = str_of(name);
	if (text.len > 1 && str_ends(text, STR(".")))
		text.len--;
	return mem_copy(text);
}

/* First word of /etc/mailname, or NULL. */
static char *mail_name(void)
{
	struct buf text;
	struct fault f = FAULT_INIT;
	char *name = NULL;
	buf_init(&text, 4096);
	if (file_read_path(AT_FDCWD, "/etc/mailname", &text, &f)) {
		struct str word = str_trim(buf_str(&text));
		size_t len = 0;
		while (len < word.len && (unsigned char)word.at[len] > 32)
			len++;
		if (len > 1 && word.at[len - 1] == '.')
			len--;
		if (len > 0 && addr_is_domain(str_first(word, len)))
			name = mem_copy(str_first(word, len));
	}
	buf_release(&text);
	return name;
}

static void add_name(struct here *h, const char *name)
{
	if (name[0])
		h->names[h->local.name_count++] = name;
}

/* Everything that mail for this host may be addressed to. */
static void gather_names(struct here *h)
{
	const char *own = h->found.own;
	struct str label = str_first(str_of(own), str_find(str_of(own), '.'));
	memcpy(h->own_label, label.at, label.len);
	h->own_label[label.len] = '\0';
	add_name(h, own);
	add_name(h, h->own_label);
	add_name(h, h->found.canonical);
	if (local_is_host_name(str_of(h->domain), str_of(own)))
		add_name(h, h->domain);
}

void here_find(struct here *h, const struct settings *c, const char *hostname)
{
	memset(h, 0, sizeof(*h));
	h->config = c;
	if (!hostname)
		hostname = c->hostname;
	hostname_find(&h->found, !hostname, clock_deadline(NAME_WAIT_MS));
	h->hostname = copy_name(hostname ? hostname : hostname_full(&h->found));
	h->domain = c->domain ? copy_name(c->domain) : mail_name();
	if (!h->domain)
		h->domain = copy_name(h->hostname);
	h->local = (struct local){
	    .hostname = str_of(h->hostname),
	    .domain = str_of(h->domain),
	    .names = h->names,
	    .admin = str_of(c->admin),
	};
	gather_names(h);
}

void here_release(struct here *h)
{
	free(h->hostname);
	free(h->domain);
	alias_free(h->aliases);
}

/* Each line is told of, but a log is not for a whole file. */
static void refused(void *context, size_t line, const char *text)
{
	struct here *h = context;
	h->refused++;
	if (h->refused <= LOGGED_MAX)
		log_text(LOG_WARNING, "aliases: %s:%zu: %s", h->config->aliases, line, text);
	if (h->warn)
		h->warn(h->context, line, text);
}

bool here_aliases(struct here *h, struct fault *f)
{
	const char *path = h->config->aliases;
	struct fault why = FAULT_INIT;
	if (h->aliases_read || !path)
		return true;
	h->aliases_read = true;
	struct buf text;
	buf_init(&text, ALIASES_MAX);
	bool ok = file_read_path(AT_FDCWD, path, &text, &why);
	if (ok)
		h->aliases = alias_parse(buf_str(&text), refused, h);
	local_aliases(&h->local, h->aliases);
	buf_release(&text);
	if (h->refused > LOGGED_MAX)
		log_text(LOG_WARNING,
		         "aliases: %s: %zu more lines are refused; sendmail -bv shows them",
		         path, h->refused - LOGGED_MAX);
	if (ok || why.sys == ENOENT)
		return true;
	*f = why;
	f->kind = FAULT_CONFIG;
	return fault_prefix(f, "aliases");
}

bool here_route(struct here *h, struct str mailbox, bool escaped, local_each *each,
                void *context, struct fault *f)
{
	if (!escaped && local_is_ours(&h->local, mailbox) && !here_aliases(h, f))
		return false;
	return local_route(&h->local, mailbox, escaped, each, context, f);
}
