/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/field_kind.h"

static const struct field_kind rows[] = {
    {"From", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {"Sender", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {"Reply-To", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {"To", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_RECIPIENTS},
    {"Cc", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_RECIPIENTS},
    {"Bcc", FIELD_ADDRESSES, FIELD_RECIPIENTS},
    {"Delivered-To", FIELD_ADDRESSES, 0},
    {"Disposition-Notification-To", FIELD_ADDRESSES, 0},
    {"Errors-To", FIELD_ADDRESSES, 0},
    {"Mail-Followup-To", FIELD_ADDRESSES, 0},
    {"Mail-Reply-To", FIELD_ADDRESSES, 0},
    {"Return-Path", FIELD_ADDRESSES, 0},
    {"Return-Receipt-To", FIELD_ADDRESSES, 0},
    {"Message-ID", FIELD_IDS, 0},
    {"In-Reply-To", FIELD_IDS, 0},
    {"References", FIELD_IDS, 0},
    {"Content-ID", FIELD_IDS, 0},
    {"Content-Type", FIELD_PARAMS, 0},
    {"Content-Disposition", FIELD_PARAMS, 0},
    {"Date", FIELD_OTHER, 0},
    {"Received", FIELD_OTHER, 0},
    {"MIME-Version", FIELD_OTHER, 0},
    {"DKIM-Signature", FIELD_OTHER, 0},
    {"Content-Transfer-Encoding", FIELD_OTHER, 0},
    {"Autocrypt", FIELD_OTHER, 0},
    {"Authentication-Results", FIELD_OTHER, 0},
};

bool field_is_resent(struct str name)
{
	return str_casestarts(name, STR("Resent-"));
}

const struct field_kind *field_kind(struct str name)
{
	static const struct field_kind text = {NULL, FIELD_TEXT, 0};
	static const struct field_kind lists = {NULL, FIELD_LISTS, 0};
	if (str_casestarts(name, STR("List-")))
		return &lists;
	if (field_is_resent(name))
		name = str_from(name, sizeof("Resent-") - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_caseeq(name, str_of(rows[i].name)))
			return &rows[i];
	return &text;
}
