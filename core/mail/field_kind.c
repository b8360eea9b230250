/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/field_kind.h"

#define NAME(literal) literal, sizeof(literal) - 1

static const struct field_kind rows[] = {
    {NAME("From"), FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {NAME("Sender"), FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {NAME("Reply-To"), FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {NAME("To"), FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_RECIPIENTS},
    {NAME("Cc"), FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_RECIPIENTS},
    {NAME("Bcc"), FIELD_ADDRESSES, FIELD_RECIPIENTS},
    {NAME("Delivered-To"), FIELD_ADDRESSES, 0},
    {NAME("Disposition-Notification-To"), FIELD_ADDRESSES, 0},
    {NAME("Errors-To"), FIELD_ADDRESSES, 0},
    {NAME("Mail-Followup-To"), FIELD_ADDRESSES, 0},
    {NAME("Mail-Reply-To"), FIELD_ADDRESSES, 0},
    {NAME("Return-Path"), FIELD_ADDRESSES, 0},
    {NAME("Return-Receipt-To"), FIELD_ADDRESSES, 0},
    {NAME("Message-ID"), FIELD_IDS, 0},
    {NAME("In-Reply-To"), FIELD_IDS, 0},
    {NAME("References"), FIELD_IDS, 0},
    {NAME("Content-ID"), FIELD_IDS, 0},
    {NAME("Content-Type"), FIELD_PARAMS, 0},
    {NAME("Content-Disposition"), FIELD_PARAMS, 0},
    {NAME("Date"), FIELD_OTHER, 0},
    {NAME("Received"), FIELD_OTHER, 0},
    {NAME("MIME-Version"), FIELD_OTHER, 0},
    {NAME("DKIM-Signature"), FIELD_OTHER, 0},
    {NAME("Content-Transfer-Encoding"), FIELD_OTHER, 0},
    {NAME("Autocrypt"), FIELD_OTHER, 0},
    {NAME("Authentication-Results"), FIELD_OTHER, 0},
};

bool field_is_resent(struct str name)
{
	return str_casestarts(name, STR("Resent-"));
}

const struct field_kind *field_kind(struct str name)
{
	static const struct field_kind text = {NULL, 0, FIELD_TEXT, 0};
	static const struct field_kind lists = {NULL, 0, FIELD_LISTS, 0};
	if (str_casestarts(name, STR("List-")))
		return &lists;
	if (field_is_resent(name))
		name = str_from(name, sizeof("Resent-") - 1);
	for (size_t i = 0; i < COUNT(rows); i++)
		if (name.len == rows[i].len &&
		    str_caseeq(name, str_make(rows[i].name, rows[i].len)))
			return &rows[i];
	return &text;
}
