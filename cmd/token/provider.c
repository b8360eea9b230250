/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/token/provider.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oauth/request.h"
#include "os/container.h"
#include "os/file.h"
#include "text/codec.h"

#define SECRET_MAX 4096
#define URL_MAX    2048
#define LOGIN_MAX  16384
#define NOT_FOUND  404

static void use_microsoft(struct provider *p)
{
	const char *tenant = p->order->texts[TEXT_TENANT];
	char *head = mem_printf("https://login.microsoftonline.com/%s/oauth2/v2.0",
	                        tenant[0] ? tenant : "common");
	p->token = mem_printf("%s/token", head);
	p->device = mem_printf("%s/devicecode", head);
	p->authorize = mem_printf("%s/authorize", head);
	free(head);
	/* For itself a program has what the administrator gave it, as a whole. */
	if (!p->scope[0])
		p->scope = order_grant(p->order) == GRANT_CLIENT
		               ? "https://outlook.office365.com/.default"
		               : "https://outlook.office.com/SMTP.Send offline_access";
}

static void use_google(struct provider *p)
{
	p->token = mem_copy(STR("https://oauth2.googleapis.com/token"));
	p->device = mem_copy(STR("https://oauth2.googleapis.com/device/code"));
	p->authorize = mem_copy(STR("https://accounts.google.com/o/oauth2/v2/auth"));
	p->revoke = mem_copy(STR("https://oauth2.googleapis.com/revoke"));
	if (!p->scope[0])
		p->scope = "https://mail.google.com/";
}

static char *url_in(const struct answer *a, const char *name)
{
	const char *url = answer_text(a, name);
	return url && strlen(url) < URL_MAX && request_is_url(str_of(url))
	           ? mem_copy(str_of(url))
	           : NULL;
}

static bool take_description(struct provider *p, struct str body, struct fault *f)
{
	const char *issuer = p->order->texts[TEXT_PROVIDER],
	           *list = "token_endpoint_auth_methods_supported";
	bool there, other;
	struct answer *a = answer_read(body);
	const char *self = a ? answer_text(a, "issuer") : NULL;
	if (!self || strcmp(self, issuer) != 0) {
		answer_free(a);
		return fault_set(f, FAULT_TEMP, "%s does not describe itself as that issuer",
		                 issuer);
	}
	p->token = url_in(a, "token_endpoint");
	p->device = url_in(a, "device_authorization_endpoint");
	p->authorize = url_in(a, "authorization_endpoint");
	p->revoke = url_in(a, "revocation_endpoint");
	p->basic = !answer_lists(a, list, "client_secret_post", &there) &&
	           (answer_lists(a, list, "client_secret_basic", &other) || !there);
	answer_free(a);
	return p->token || fault_set(f, FAULT_TEMP, "%s names no token_endpoint", issuer);
}

static bool discover(struct provider *p, struct fault *f)
{
	struct fault now = FAULT_INIT;
	struct buf url;
	long status = NOT_FOUND;
	bool done = false;
	buf_init(&url, URL_MAX);
	for (int which = 0; which < 2 && status == NOT_FOUND; which++) {
		struct http_answer a;
		buf_clear(&url);
		if (!request_described_at(&url, str_of(p->order->texts[TEXT_PROVIDER]), which))
			break;
		bool came = http_ask(&p->http, buf_cstr(&url), NULL, NULL, &a, &now);
		p->answered = a.status != 0 && !a.lost;
		if (!came)
			break;
		status = a.status;
		if (status == 200)
			done = take_description(p, buf_str(&a.body), &now);
		else
			fault_set(&now, FAULT_TEMP,
			          "%s answers %ld when asked to describe itself",
			          p->order->texts[TEXT_PROVIDER], status);
		http_release(&a);
	}
	buf_release(&url);
	if (!done)
		*f = now;
	return done;
}

bool provider_find(struct provider *p, const struct order *o, int64_t deadline, struct fault *f)
{
	*p = (struct provider){.order = o,
	                       .scope = o->texts[TEXT_SCOPE],
	                       .http = {.trust = o->texts[TEXT_TRUST],
	                                .proxy = o->texts[TEXT_PROXY],
	                                .deadline = deadline,
	                                .record = -1}};
	if (strcmp(o->texts[TEXT_PROVIDER], "microsoft") == 0)
		use_microsoft(p);
	else if (strcmp(o->texts[TEXT_PROVIDER], "google") == 0)
		use_google(p);
	else
		return discover(p, f);
	return true;
}

void provider_release(struct provider *p)
{
	free(p->token);
	free(p->device);
	free(p->authorize);
	free(p->revoke);
	*p = (struct provider){.order = NULL};
}

bool provider_secret(const char *path, struct buf *out, struct fault *f)
{
	struct stat st;
	int fd;
	if (!file_open_regular(AT_FDCWD, path, &fd, &st, f))
		return false;
	bool ok =
	    (st.st_mode & 07) == 0 || container_handed_over(path, &st) ||
	    fault_set(f, FAULT_CONFIG, "%s is open to everybody; run: chmod o= %s", path, path);
	ok = ok && buf_room(out, out->max) && file_read_all(fd, path, out, f);
	close(fd);
	return ok;
}

/* Who we are (RFC 6749 section 2.3.1), in the form or as *login, to be freed. */
static bool identify(const struct provider *p, struct buf *form, struct buf *login,
                     struct fault *f)
{
	const char *client = p->order->texts[TEXT_CLIENT];
	const char *path = p->order->texts[TEXT_SECRET_FILE];
	struct buf file;
	if (!path[0])
		return request_add(form, "client_id", client);
	buf_init(&file, SECRET_MAX);
	bool ok = provider_secret(path, &file, f);
	struct str rest = buf_str(&file), line = rest;
	if (ok && (!str_cut(&rest, '\n', &line) || str_trim(line).len == 0))
		ok = fault_set(f, FAULT_CONFIG, "the first line of %s is empty", path);
	char *secret = mem_copy(str_trim(line));
	if (ok && p->basic)
		ok = request_basic(login, client, secret);
	else
		ok = ok && request_add(form, "client_id", client) &&
		     request_add(form, "client_secret", secret);
	codec_wipe(secret, strlen(secret));
	free(secret);
	buf_wipe(&file);
	buf_release(&file);
	return ok || (f->kind == FAULT_NONE && fault_set(f, FAULT_DATA, "too long to be sent"));
}

struct answer *provider_ask(const struct provider *p, const char *url, struct buf *form,
                            struct provider_said *said, struct fault *f)
{
	struct http_answer a = {.status = 0};
	struct answer *read = NULL;
	struct buf login;
	*said = (struct provider_said){.status = 0};
	buf_init(&login, LOGIN_MAX);
	if (buf_room(&login, LOGIN_MAX) && identify(p, form, &login, f) &&
	    http_ask(&p->http, url, form, login.len > 0 ? buf_cstr(&login) : NULL, &a, f)) {
		read = answer_read(a.body.len > 0 ? buf_str(&a.body) : STR("{}"));
		/* An error need not be told in JSON; that it is one says the status. */
		if (!read && a.status != 200)
			read = answer_read(STR("{}"));
		if (!read)
			fault_set(f, FAULT_TEMP, "the provider's answer is not understood");
		http_release(&a);
	}
	said->status = a.status;
	said->later = a.later;
	said->lost = a.lost;
	said->good = read && a.status == 200 &&
	             (answer_text(read, "access_token") || !answer_text(read, "error"));
	buf_wipe(&login);
	buf_release(&login);
	return read;
}
