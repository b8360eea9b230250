/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/token/http.h"

#define CURL_DISABLE_TYPECHECK /* its functions are none that anybody calls */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/file.h"
#include "text/codec.h"

#define CONNECT_MS 10000
#define HTTP_OK    200
#define HOST_MAX   128

/* An answer on its way. */
struct arrival {
	CURL *c;
	const struct http *h;
	struct buf *body;
};

/* To be written there at once: nothing comes between a piece and its place in the file. */
static bool is_recorded(const struct arrival *a)
{
	long status = 0;
	return a->h->record >= 0 &&
	       curl_easy_getinfo(a->c, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
	       status == HTTP_OK;
}

static size_t take_body(char *at, size_t size, size_t count, void *context)
{
	struct arrival *a = context;
	struct fault ignored = FAULT_INIT;
	struct str piece = str_make(at, size * count);
	int64_t begin = a->h->record_at + (int64_t)a->body->len;
	if (!buf_add_str(a->body, piece))
		return 0;
	/* On disk before anything else, be it the end of the connection: most come in one. */
	if (is_recorded(a) && file_write_at(a->h->record, "answer", begin, piece, &ignored))
		file_sync_data(a->h->record, "answer", &ignored);
	return piece.len;
}

static bool set_all(CURL *c, const struct http *h, const char *url, struct arrival *arrival)
{
	int left = clock_left_ms(h->deadline);
	bool ok = curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
	ok = ok && curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
#else
	ok = ok && curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS) == CURLE_OK;
#endif
	ok = ok && curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
	ok = ok &&
	     curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
	/* Empty: of the environment none is taken either. */
	ok = ok && curl_easy_setopt(c, CURLOPT_PROXY, h->proxy) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_PROXYTYPE, (long)CURLPROXY_SOCKS5_HOSTNAME) ==
	               CURLE_OK;
	/* The system's folder of CAs would count beside that file. */
	ok =
	    ok && (!h->trust[0] || (curl_easy_setopt(c, CURLOPT_CAINFO, h->trust) == CURLE_OK &&
	                            curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK));
	ok = ok && curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
	                            (long)(left < CONNECT_MS ? left : CONNECT_MS)) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)left) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_WRITEDATA, arrival) == CURLE_OK;
	return ok &&
	       curl_easy_setopt(c, CURLOPT_USERAGENT, "Postern/" POSTERN_VERSION) == CURLE_OK;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(list, text);
	if (!longer)
		exit(fault_exit(FAULT_TEMP));
	return longer;
}

/* For texts. */
static void host_of(const char *url, char to[HOST_MAX])
{
	struct str rest = str_of(url), host = rest;
	size_t head = str_find(rest, '/');
	rest = head == STR_NONE ? rest : str_from(rest, head + 2);
	if (!str_cut(&rest, '/', &host))
		host = str_of(url);
	codec_printable(to, HOST_MAX, host);
}

static bool judge(CURLcode code, const char *detail, const char *url,
                  const struct http_answer *a, struct fault *f)
{
	char host[HOST_MAX];
	host_of(url, host);
	if (code == CURLE_OK && a->status / 100 != 3)
		return true;
	if (code == CURLE_OK)
		return fault_set(f, FAULT_TEMP,
		                 "%s sends us elsewhere (%ld), where no secret "
		                 "is taken",
		                 host, a->status);
	if (code == CURLE_WRITE_ERROR)
		return fault_set(f, FAULT_TEMP, "%s: the answer is too long", host);
	return fault_set(f, FAULT_TEMP, "%s: %s", host,
	                 detail[0] ? detail : curl_easy_strerror(code));
}

static void note(CURL *c, CURLcode code, struct http_answer *a)
{
	curl_off_t later = 0;
	long sent = 0;
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a->status);
	if (curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &later) == CURLE_OK && later > 0)
		a->later = later;
	/* One that is too long is an answer. */
	a->lost = code != CURLE_OK && code != CURLE_WRITE_ERROR &&
	          curl_easy_getinfo(c, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0;
}

bool http_ask(const struct http *h, const char *url, const struct buf *form, const char *login,
              struct http_answer *a, struct fault *f)
{
	char detail[CURL_ERROR_SIZE] = "";
	CURL *c = curl_easy_init();
	memset(a, 0, sizeof(*a));
	if (!c || clock_left_ms(h->deadline) == 0) {
		curl_easy_cleanup(c);
		return fault_set(f, FAULT_TEMP, "%s", c ? "no time left" : "no memory");
	}
	buf_init(&a->body, HTTP_MAX);
	struct curl_slist *headers = add_header(NULL, "Accept: application/json");
	if (login) {
		char *line = mem_printf("Authorization: %s", login);
		headers = add_header(headers, line);
		codec_wipe(line, strlen(line));
		free(line);
	}
	struct arrival arrival = {c, h, &a->body};
	bool ok = buf_room(&a->body, HTTP_MAX) && set_all(c, h, url, &arrival) &&
	          curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail) == CURLE_OK;
	if (form)
		ok = ok &&
		     curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)form->len) == CURLE_OK &&
		     curl_easy_setopt(c, CURLOPT_POSTFIELDS, form->at) == CURLE_OK;
	CURLcode code = ok ? curl_easy_perform(c) : CURLE_FAILED_INIT;
	note(c, code, a);
	ok = judge(code, detail, url, a, f);
	for (struct curl_slist *line = headers; line; line = line->next)
		codec_wipe(line->data, strlen(line->data));
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	if (!ok)
		http_release(a);
	return ok;
}

void http_release(struct http_answer *a)
{
	buf_wipe(&a->body);
	buf_release(&a->body);
}
