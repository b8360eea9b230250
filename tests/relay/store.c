/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void make_folder(const char *dir, const char *name)
{
	struct text path = {0};
	text_printf(&path, "%s%s%s", dir, *name ? "/" : "", name);
	if (mkdir(path.data, 0700) && errno != EEXIST)
		die("%s: %s", path.data, strerror(errno));
	text_free(&path);
}

void store_open(struct store *store, const char *dir, bool discard)
{
	struct text path = {0};
	*store = (struct store){.dir = dir, .discard = discard};
	pthread_mutex_init(&store->lock, NULL);
	make_folder(dir, "");
	make_folder(dir, "tmp");
	make_folder(dir, "new");
	make_folder(dir, "cur");
	text_printf(&path, "%s/log.jsonl", dir);
	store->log = open(path.data, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (store->log < 0)
		die("%s: %s", path.data, strerror(errno));
	text_free(&path);
}

void store_close(struct store *store)
{
	close(store->log);
	pthread_mutex_destroy(&store->lock);
}

void letter_begin(struct letter *letter, struct store *store)
{
	*letter = (struct letter){0};
	pthread_mutex_lock(&store->lock);
	unsigned number = ++store->next;
	pthread_mutex_unlock(&store->lock);
	if (store->discard)
		return;
	text_printf(&letter->path, "%s/tmp/%lld.%ld.%04u.eml", store->dir,
	            (long long)time(NULL), (long)getpid(), number);
	letter->file = fopen(letter->path.data, "wx");
	if (!letter->file)
		die("%s: %s", letter->path.data, strerror(errno));
}

void letter_write(struct letter *letter, const void *bytes, size_t len)
{
	if (letter->file && len && fwrite(bytes, 1, len, letter->file) != len)
		die("%s: %s", letter->path.data, strerror(errno));
}

void letter_keep(struct letter *letter, struct store *store)
{
	struct text name = {0}, path = {0};
	if (!letter->file)
		return;
	if (fclose(letter->file))
		die("%s: %s", letter->path.data, strerror(errno));
	letter->file = NULL;
	text_printf(&name, "new%s", strrchr(letter->path.data, '/'));
	text_printf(&path, "%s/%s", store->dir, name.data);
	if (rename(letter->path.data, path.data))
		die("%s: %s", path.data, strerror(errno));
	text_free(&path);
	text_free(&letter->path);
	letter->path = name;
}

void letter_drop(struct letter *letter, struct store *store)
{
	(void)store;
	if (letter->file) {
		fclose(letter->file);
		unlink(letter->path.data);
	}
	letter->file = NULL;
	text_free(&letter->path);
}

void event_begin(struct event *e, struct store *store, unsigned conn, long long ms,
                 const char *type)
{
	*e = (struct event){.store = store};
	text_printf(&e->line, "{\"conn\": %u, \"ms\": %lld, \"type\": \"%s\"", conn, ms, type);
}

void event_raw(struct event *e, const char *key, const char *json)
{
	text_printf(&e->line, ", \"%s\": %s", key, json);
}

void event_bytes(struct event *e, const char *key, const void *bytes, size_t len)
{
	text_printf(&e->line, ", \"%s\": ", key);
	text_json(&e->line, bytes, len);
}

void event_string(struct event *e, const char *key, const char *string)
{
	event_bytes(e, key, string, strlen(string));
}

void event_number(struct event *e, const char *key, long long number)
{
	text_printf(&e->line, ", \"%s\": %lld", key, number);
}

void event_flag(struct event *e, const char *key, bool value)
{
	event_raw(e, key, value ? "true" : "false");
}

void event_end(struct event *e)
{
	text_str(&e->line, "}\n");
	pthread_mutex_lock(&e->store->lock);
	if (write(e->store->log, e->line.data, e->line.len) != (ssize_t)e->line.len)
		die("log.jsonl: %s", strerror(errno));
	pthread_mutex_unlock(&e->store->lock);
	text_free(&e->line);
}
