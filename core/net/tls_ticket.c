/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/codec.h"
#include "text/crc.h"
#include "os/file.h"
#include "net/tls_parts.h"

#define AGE_MAX   86400
#define HEAD_MAX  160
#define FILE_MODE 0600

/* The file: "postern-ticket 2 KEY VERIFIED EXPIRES CRC" and a newline, then the
 * session as GnuTLS gives it. KEY is over all settings of trust, in hex; CRC is
 * over what stands before it and the session: GnuTLS takes much of a damaged one for
 * good, and who reads while another writes may see some of both. */
static const struct str magic = {"postern-ticket 2 ", 17};

static uint32_t sum(struct str head, struct str data)
{
	return crc_add(crc_add(0, head.at, head.len), data.at, data.len);
}

static void set_ticket(struct tls_trust *trust, struct str data, int64_t verified,
                       int64_t expires)
{
	struct tls_ticket *ticket = &trust->ticket;
	if (ticket->data)
		codec_wipe(ticket->data, ticket->len);
	free(ticket->data);
	*ticket = (struct tls_ticket){.verified = verified, .expires = expires};
	if (data.len > 0) {
		ticket->data = mem_copy(data);
		ticket->len = data.len;
	}
}

/* One word, up to a blank. */
static struct str next_word(struct str *line)
{
	struct str word = STR("");
	str_cut(line, ' ', &word);
	return word;
}

static bool is_fresh(const struct tls_trust *trust, int64_t verified, int64_t expires)
{
	return verified <= trust->wall && trust->wall - verified <= AGE_MAX &&
	       (expires == 0 || trust->wall < expires);
}

static void read_text(struct tls_trust *trust, struct str text)
{
	struct str line = STR(""), key;
	if (!str_starts(text, magic) || !str_cut(&text, '\n', &line))
		return;
	struct str head = str_first(line, str_rfind(line, ' ') + 1);
	line = str_from(line, magic.len);
	key = next_word(&line);
	struct buf own;
	buf_init(&own, 2 * TLS_HASH_LEN);
	long long verified, expires, crc;
	if (codec_hex(&own, str_make((const char *)trust->key, TLS_HASH_LEN)) &&
	    str_eq(key, buf_str(&own)) && str_number(next_word(&line), &verified) &&
	    str_number(next_word(&line), &expires) && str_number(next_word(&line), &crc) &&
	    line.len == 0 && is_fresh(trust, verified, expires) && crc == sum(head, text))
		set_ticket(trust, text, verified, expires);
	buf_release(&own);
}

/* Whoever can write the file could make us believe in a session of their own. */
static bool is_private(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

static void read_file(struct tls_trust *trust)
{
	struct fault f = FAULT_INIT;
	struct stat st;
	int fd;
	if (!file_open_update(AT_FDCWD, trust->ticket_file, &fd, &st, &f))
		return;
	struct buf text;
	buf_init(&text, HEAD_MAX + TLS_TICKET_MAX);
	if (is_private(&st) && file_read_all(fd, trust->ticket_file, &text, &f))
		read_text(trust, buf_str(&text));
	close(fd);
	buf_wipe(&text);
	buf_release(&text);
}

const struct tls_ticket *tls_ticket_load(struct tls_trust *trust)
{
	if (!trust->ticket_read && trust->ticket_file)
		read_file(trust);
	trust->ticket_read = true;
	return trust->ticket.data ? &trust->ticket : NULL;
}

/* Over one of its length: to make a file and end the one before costs more than all else
 * about a ticket, and each session brings one. */
static bool write_over(const char *path, struct str text)
{
	struct fault f = FAULT_INIT;
	struct stat st;
	int fd;
	if (!file_open_update(AT_FDCWD, path, &fd, &st, &f))
		return false;
	/* Under another name it may be anything of that length. */
	bool ours = is_private(&st) && st.st_nlink == 1;
	bool done =
	    ours && (uintmax_t)st.st_size == text.len && file_write_at(fd, path, 0, text, &f);
	close(fd);
	return done;
}

void tls_ticket_save(struct tls_trust *trust, struct str data, int64_t verified,
                     int64_t expires)
{
	struct fault f = FAULT_INIT;
	if (data.len == 0 || data.len > TLS_TICKET_MAX)
		return;
	trust->ticket_read = true;
	set_ticket(trust, data, verified, expires);
	if (!trust->ticket_file)
		return;
	struct buf text;
	buf_init(&text, HEAD_MAX + TLS_TICKET_MAX);
	struct buf hex;
	buf_init(&hex, 2 * TLS_HASH_LEN);
	if (codec_hex(&hex, str_make((const char *)trust->key, TLS_HASH_LEN)) &&
	    buf_addf(&text, "%s%s %lld %lld ", magic.at, buf_cstr(&hex), (long long)verified,
	             (long long)expires) &&
	    buf_addf(&text, "%lu\n", (unsigned long)sum(buf_str(&text), data)) &&
	    buf_add_str(&text, data) && !write_over(trust->ticket_file, buf_str(&text)))
		file_replace(AT_FDCWD, trust->ticket_file, FILE_MODE, buf_str(&text), &f);
	buf_wipe(&text);
	buf_release(&text);
	buf_release(&hex);
}

void tls_ticket_forget(struct tls_trust *trust)
{
	struct fault f = FAULT_INIT;
	set_ticket(trust, STR(""), 0, 0);
	if (trust->ticket_file)
		file_unlink(AT_FDCWD, trust->ticket_file, &f);
}
