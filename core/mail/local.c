/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/local.h"

#include "text/idna.h"
#include "mail/addr.h"

static const char *const loopback[] = {"localhost", "localhost.localdomain"};

bool local_is_ours(const struct local *l, struct str mailbox)
{
	struct str domain = addr_domain(mailbox);
	return domain.len == 0 || str_caseeq(domain, l->hostname) ||
	       str_caseamong(domain, loopback, COUNT(loopback)) ||
	       str_caseamong(domain, l->names, l->name_count);
}

bool local_is_host_name(struct str domain, struct str own)
{
	struct str first = str_first(domain, str_find(domain, '.'));
	struct str rest = str_from(domain, first.len + 1);
	return str_caseeq(domain, own) ||
	       (own.len > 0 && str_find(rest, '.') != STR_NONE &&
	        str_caseeq(first, str_first(own, str_find(own, '.'))));
}

bool local_complete(const struct local *l, struct str mailbox, struct buf *out, struct fault *f)
{
	struct buf full;
	buf_init(&full, 2 * ADDR_MAX);
	bool ok = (addr_qualify(&full, mailbox, l->domain) ||
	           fault_set(f, FAULT_DATA, "the address is too long")) &&
	          idna_mailbox(out, buf_str(&full), f);
	buf_release(&full);
	return ok;
}

static bool is_ours(const void *context, struct str mailbox)
{
	return local_is_ours(context, mailbox);
}

void local_aliases(struct local *l, struct alias *aliases)
{
	l->aliases = aliases;
	if (aliases)
		alias_follow(aliases, is_ours, l);
}

struct routing {
	const struct local *local;
	local_each *each;
	void *context;
};

static bool give(struct routing *r, struct str mailbox, struct fault *f)
{
	struct buf wire;
	buf_init(&wire, 4 * ADDR_MAX);
	bool ok = local_complete(r->local, mailbox, &wire, f) &&
	          r->each(r->context, buf_str(&wire), f);
	buf_release(&wire);
	return ok;
}

/* Behind the aliases. */
static bool give_rest(void *context, struct str mailbox, struct fault *f)
{
	struct routing *r = context;
	if (!local_is_ours(r->local, mailbox))
		return give(r, mailbox, f);
	return give(r, r->local->admin.len ? r->local->admin : addr_local(mailbox), f);
}

bool local_route(const struct local *l, struct str mailbox, bool escaped, local_each *each,
                 void *context, struct fault *f)
{
	struct routing r = {l, each, context};
	if (mailbox.len == 0)
		return fault_set(f, FAULT_DATA, "an empty address is no recipient");
	if (escaped || !local_is_ours(l, mailbox) ||
	    !alias_has(l->aliases, addr_local(mailbox)))
		return give_rest(&r, mailbox, f);
	return alias_expand(l->aliases, addr_local(mailbox), give_rest, &r, f);
}
