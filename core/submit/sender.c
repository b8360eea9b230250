/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/sender.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void sender_find(struct sender *s, uid_t user, const struct settings *c,
                 const struct local *local, const struct submission_options *o)
{
	const struct passwd *pw = getpwuid(user);
	const char *name = user == getuid() ? getenv("NAME") : NULL;
	memset(s, 0, sizeof(*s));
	s->login =
	    pw ? mem_copy(str_of(pw->pw_name)) : mem_printf("uid%lu", (unsigned long)user);
	if (o->full_name)
		s->full_name = clean(o->full_name);
	else if (name && name[0])
		s->full_name = clean(name);
	else
		s->full_name = pw ? gecos_name(pw) : mem_copy(str_of(""));
	s->senders = mem_alloc((c->sender_count + 1) * sizeof(*s->senders));
	for (size_t i = 0; i < c->sender_count; i++)
		s->senders[i] = (struct rewrite_sender){str_of(c->senders[i].pattern),
		                                        str_of(c->senders[i].address)};
	s->rewrite = (struct rewrite){
	    .local = local,
	    .from = str_of(c->from),
	    /* A message that is only passing through has its author already. */
	    .from_rule = o->relayed ? FROM_MISSING : c->from_rule,
	    .senders = s->senders,
	    .sender_count = o->relayed ? 0 : c->sender_count,
	    .from_name = str_of(c->from_name),
	    .reply_to = str_of(o->relayed ? NULL : c->reply_to),
	    .login = str_of(s->login),
	    .full_name = str_of(s->full_name),
	    .name_given = o->full_name != NULL,
	    .smtputf8 = o->smtputf8,
	};
}

void sender_release(struct sender *s)
{
	free(s->login);
	free(s->senders);
	free(s->full_name);
}
