/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/who.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const enum from_rule rule_of[] = {
    [SETTINGS_FROM_MISSING] = FROM_MISSING,
    [SETTINGS_FROM_LOCAL] = FROM_LOCAL,
    [SETTINGS_FROM_ALWAYS] = FROM_ALWAYS,
};

/* The name in the gecos field: up to the first comma, "&" standing for the
 * login with a capital letter, as finger(1) has it. */
static char *gecos_name(const struct passwd *pw)
{
	struct buf name;
	bool ok = true;
	buf_init(&name, 1024);
	for (const char *c = pw->pw_gecos ? pw->pw_gecos : ""; ok && *c && *c != ','; c++) {
		if (*c != '&') {
			ok = buf_add_char(&name, *c);
			continue;
		}
		ok = buf_add_char(&name, (char)toupper((unsigned char)pw->pw_name[0])) &&
		     buf_add_str(&name, str_of(pw->pw_name + (pw->pw_name[0] != '\0')));
	}
	char *text = mem_copy(str_trim(buf_str(&name)));
	buf_release(&name);
	return text;
}

/* A display name must not bring lines of its own. */
static char *clean(const char *text)
{
	char *copy = mem_copy(str_of(text));
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < 32 || *c == 127)
			*c = ' ';
	return copy;
}

void who_find(struct who *w, const struct place *p, const struct call *call)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *name = getenv("NAME");
	memset(w, 0, sizeof(*w));
	w->login =
	    pw ? mem_copy(str_of(pw->pw_name)) : mem_printf("uid%lu", (unsigned long)getuid());
	if (call->full_name)
		w->full_name = clean(call->full_name);
	else if (name && name[0])
		w->full_name = clean(name);
	else
		w->full_name = pw ? gecos_name(pw) : mem_copy(str_of(""));
	const struct settings *c = &p->config;
	w->senders = mem_alloc((c->sender_count + 1) * sizeof(*w->senders));
	for (size_t i = 0; i < c->sender_count; i++)
		w->senders[i] = (struct rewrite_sender){str_of(c->senders[i].pattern),
		                                        str_of(c->senders[i].address)};
	w->identity = (struct rewrite){
	    .local = &p->host.local,
	    .from = str_of(c->from),
	    /* A message that is only passing through has its author already. */
	    .from_rule = call->relayed ? FROM_MISSING : rule_of[c->from_rule],
	    .senders = w->senders,
	    .sender_count = call->relayed ? 0 : c->sender_count,
	    .from_name = str_of(c->from_name),
	    .reply_to = str_of(call->relayed ? NULL : c->reply_to),
	    .login = str_of(w->login),
	    .full_name = str_of(w->full_name),
	    .name_given = call->full_name != NULL,
	    .smtputf8 = call->smtputf8,
	};
}

void who_release(struct who *w)
{
	free(w->login);
	free(w->senders);
	free(w->full_name);
}
