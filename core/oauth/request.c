/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "oauth/request.h"

#include "text/codec.h"

#define BASIC_MAX 16384

static bool add_encoded(struct buf *out, const char *text)
{
	return codec_percent(out, str_of(text), "-._");
}

bool request_add(struct buf *out, const char *name, const char *value)
{
	if (!value || !value[0])
		return true;
	return (out->len == 0 || buf_add_char(out, '&')) && buf_addf(out, "%s=", name) &&
	       add_encoded(out, value);
}

bool request_basic(struct buf *out, const char *client, const char *secret)
{
	struct buf pair;
	buf_init(&pair, BASIC_MAX);
	bool ok = buf_room(&pair, BASIC_MAX) && add_encoded(&pair, client) &&
	          buf_add_char(&pair, ':') && add_encoded(&pair, secret) &&
	          buf_add_str(out, STR("Basic ")) && codec_base64(out, buf_str(&pair));
	buf_wipe(&pair);
	buf_release(&pair);
	return ok;
}

bool request_base64url(struct buf *out, struct str bytes)
{
	size_t begin = out->len;
	if (!codec_base64(out, bytes))
		return false;
	while (out->len > begin && out->at[out->len - 1] == '=')
		out->len--;
	for (size_t i = begin; i < out->len; i++)
		out->at[i] = out->at[i] == '+' ? '-' : out->at[i] == '/' ? '_' : out->at[i];
	return true;
}

/* Of a URL without its query: where the path begins, or its end. */
static size_t path_at(struct str url)
{
	size_t head = STR("https://").len, slash = str_find(str_from(url, head), '/');
	return slash == STR_NONE ? url.len : head + slash;
}

bool request_is_url(struct str url)
{
	bool good = str_starts(url, STR("https://")) && path_at(url) > STR("https://").len;
	for (size_t i = 0; good && i < url.len; i++)
		good = url.at[i] > ' ' && url.at[i] <= '~' && url.at[i] != '?' &&
		       url.at[i] != '#' && url.at[i] != '@' && url.at[i] != '\\';
	return good;
}

bool request_described_at(struct buf *out, struct str issuer, int which)
{
	if (str_ends(issuer, STR("/")))
		issuer.len--;
	struct str host = str_first(issuer, path_at(issuer));
	struct str path = str_from(issuer, host.len);
	/* The older one puts it behind the path, the newer one before it. */
	return which ? buf_add_str(out, issuer) &&
	                   buf_add_str(out, STR("/.well-known/openid-configuration"))
	             : buf_add_str(out, host) &&
	                   buf_add_str(out, STR("/.well-known/oauth-authorization-server")) &&
	                   buf_add_str(out, path);
}

static bool add_decoded(struct buf *out, struct str text)
{
	size_t begin = out->len;
	bool ok = true;
	for (size_t i = 0; ok && i < text.len; i++) {
		if (text.at[i] != '%') {
			ok = buf_add_char(out, text.at[i] == '+' ? ' ' : text.at[i]);
			continue;
		}
		ok = text.len - i > 2 && codec_unhex(out, str_make(text.at + i + 1, 2));
		i += 2;
	}
	if (!ok)
		out->len = begin;
	return ok;
}

bool request_find(struct buf *out, struct str url, const char *name)
{
	size_t query = str_find(url, '?');
	struct str rest = query == STR_NONE ? STR("") : str_from(url, query + 1), pair;
	rest = str_first(rest, str_find(rest, '#'));
	while (str_cut(&rest, '&', &pair)) {
		size_t is = str_find(pair, '=');
		if (is != STR_NONE && str_eq(str_first(pair, is), str_of(name)))
			return add_decoded(out, str_from(pair, is + 1));
	}
	return false;
}
