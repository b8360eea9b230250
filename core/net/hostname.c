/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/hostname.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"
#include "net/dns.h"

/* Lists of unwanted names make it long; the resolver reads those in a child. */
#define HOSTS_MAX (256 * 1024)

/* A full name that other hosts may be told: letters, digits, hyphens, dots. */
static bool is_full(struct str s)
{
	size_t dot = str_find(s, '.');
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (!ascii_alpha(c) && !ascii_digit(c) && c != '-' && c != '.' && c != '_')
			return false;
	}
	return dot != STR_NONE && dot > 0 && s.len < DNS_NAME_MAX && s.at[s.len - 1] != '.' &&
	       !str_casestarts(s, STR("localhost."));
}

static bool next_word(struct str *rest, struct str *word)
{
	size_t begin = 0;
	while (begin < rest->len && ascii_space(rest->at[begin]))
		begin++;
	size_t end;
	for (end = begin; end < rest->len && !ascii_space(rest->at[end]);)
		end++;
	*word = str_from(str_first(*rest, end), begin);
	*rest = str_from(*rest, end);
	return word->len > 0;
}

static bool begins_with_label(struct str name, struct str own)
{
	return str_casestarts(name, own) && name.len > own.len && name.at[own.len] == '.';
}

/* Is own in this line, behind the address? */
static bool read_line(struct str line, struct str own, struct str *full)
{
	bool found = false;
	*full = STR("");
	line = str_trim(str_first(line, str_find(line, '#')));
	struct str word;
	if (!next_word(&line, &word))
		return false;
	for (bool first = true; next_word(&line, &word); first = false) {
		found = found || str_caseeq(word, own);
		if (full->len == 0 && is_full(word) && (first || begins_with_label(word, own)))
			*full = word;
	}
	return found;
}

static void keep(char to[DNS_NAME_MAX], struct str name)
{
	name = str_first(name, DNS_NAME_MAX - 1);
	memcpy(to, name.at, name.len);
	to[name.len] = '\0';
}

bool hostname_in_hosts(struct str text, struct str own, char canonical[DNS_NAME_MAX])
{
	bool found = false;
	canonical[0] = '\0';
	struct str line, full;
	while (str_cut(&text, '\n', &line)) {
		if (str_ends(line, STR("\r")))
			line.len--;
		if (!read_line(line, own, &full))
			continue;
		found = true;
		if (full.len == 0)
			continue;
		keep(canonical, full);
		break;
	}
	return found;
}

static bool look_in_hosts(struct hostname *h)
{
	struct buf text;
	struct fault f = FAULT_INIT;
	buf_init(&text, HOSTS_MAX);
	bool found = file_read_path(AT_FDCWD, "/etc/hosts", &text, &f) &&
	             hostname_in_hosts(buf_str(&text), str_of(h->own), h->canonical);
	buf_release(&text);
	return found;
}

void hostname_find(struct hostname *h, bool ask, int64_t deadline)
{
	memset(h, 0, sizeof(*h));
	if (gethostname(h->own, sizeof(h->own) - 1) != 0)
		h->own[0] = '\0';
	size_t len = strlen(h->own);
	if (len > 1 && h->own[len - 1] == '.')
		h->own[len - 1] = '\0';
	if (!h->own[0])
		memcpy(h->own, "localhost", sizeof("localhost"));
	if (look_in_hosts(h) || is_full(str_of(h->own)) || !ask)
		return;
	h->asked = true;
	dns_canonical(h->own, h->canonical, deadline);
	if (!is_full(str_of(h->canonical)))
		h->canonical[0] = '\0';
}

const char *hostname_full(const struct hostname *h)
{
	return !h->canonical[0] || is_full(str_of(h->own)) ? h->own : h->canonical;
}
