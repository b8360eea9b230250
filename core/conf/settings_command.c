/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_command.h"

#include <stdlib.h>
#include <string.h>

/* Takes one word of a command off *rest into word; false if a quote is open. */
static bool cut_argument(struct str *rest, struct buf *word)
{
	char quote = '\0';
	size_t i = 0;
	bool done = true;
	for (; done && i < rest->len && (quote != '\0' || !ascii_space(rest->at[i])); i++) {
		char c = rest->at[i];
		if (c == quote && quote != '\0') {
			quote = '\0';
		} else if (quote == '\0' && (c == '"' || c == '\'')) {
			quote = c;
		} else {
			if (c == '\\' && quote != '\'' && i + 1 < rest->len)
				c = rest->at[++i];
			done = buf_add_char(word, c);
		}
	}
	*rest = str_from(*rest, i);
	return done && quote == '\0';
}

/* A program given by a relative path; a bare name is left to the search path. */
static bool place_program(struct settings_list *list, const char *folder, struct fault *f)
{
	if (!list->words || !list->words[0][0])
		return fault_set(f, FAULT_CONFIG, "names no program");
	struct str program = str_of(list->words[0]);
	if (program.at[0] != '~' && str_find(program, '/') == STR_NONE)
		return true;
	char *path = settings_make_path(program, folder, f);
	if (!path)
		return false;
	free(list->words[0]);
	list->words[0] = path;
	return true;
}

static bool read_command(const struct settings_value *v, struct fault *f)
{
	struct settings_list *list = v->field;
	struct str rest = str_trim(v->given);
	struct buf word;
	bool closed = true;
	buf_init(&word, v->given.len);
	while (closed && rest.len > 0) {
		buf_clear(&word);
		closed = cut_argument(&rest, &word);
		settings_add_word(list, buf_str(&word));
		rest = str_trim(rest);
	}
	buf_release(&word);
	return closed ? place_program(list, v->folder, f)
	              : fault_set(f, FAULT_CONFIG, "a quote is not closed");
}

/* A word of a command, in quotes where a blank or a quote is in it. */
static bool add_argument(struct buf *out, const char *word)
{
	if (word[0] != '\0' && strpbrk(word, " \t\"'\\;") == NULL)
		return buf_add_str(out, str_of(word));
	if (!buf_add_char(out, '"'))
		return false;
	for (const char *c = word; *c != '\0'; c++) {
		if ((*c == '"' || *c == '\\') && !buf_add_char(out, '\\'))
			return false;
		/* A blank and a ";" would begin a comment, whatever the quotes. */
		if (*c == ';' && c > word && (c[-1] == ' ' || c[-1] == '\t') &&
		    !buf_add_char(out, '\\'))
			return false;
		if (!buf_add_char(out, *c))
			return false;
	}
	return buf_add_char(out, '"');
}

static bool write_command(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct settings_list *list = field;
	(void)row;
	for (size_t i = 0; i < list->count; i++)
		if ((i > 0 && !buf_add_char(out, ' ')) || !add_argument(out, list->words[i]))
			return false;
	return true;
}

const struct settings_kind settings_command = {read_command, write_command,
                                               settings_release_words, false, true};
