/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_provider.h"

#include "conf/provider.h"
#include "conf/settings_guess.h"

#define KIN_MIN 4 /* letters that are enough to guess the rest of a name */

/* Many write the domain, or a part of the name. */
static const struct provider *guess(struct str name)
{
	const struct provider *p, *best = provider_of_domain(name);
	size_t least = STR_NONE;
	for (size_t i = 0; !best && (p = provider_at(i)) != NULL; i++)
		if (name.len >= KIN_MIN && str_casestarts(str_of(p->name), name))
			best = p;
	for (size_t i = 0; (p = provider_at(i)) != NULL; i++) {
		size_t apart = settings_apart(name, p->name);
		if (apart >= least)
			continue;
		least = apart;
		best = p;
	}
	return best;
}

static bool unknown(const struct settings_value *v, struct str name, struct fault *f)
{
	const struct provider *p = guess(name);
	return fault_set(f, FAULT_CONFIG,
	                 "'%.*s' is not known%s%s%s (sendmail --providers lists them)",
	                 SETTINGS_QUOTED(v->given), p ? "; did you mean " : "",
	                 p ? p->name : "", p ? "?" : "");
}

static bool read_provider(const struct settings_value *v, struct fault *f)
{
	char **to = v->field;
	struct str region, name = provider_cut(v->given, &region);
	const struct provider *p = provider_named(name);
	if (!p)
		return unknown(v, name, f);
	if (!provider_has_regions(p) && name.len < v->given.len)
		return fault_set(f, FAULT_CONFIG, "'%.*s': %s has no regions; leave out the :",
		                 SETTINGS_QUOTED(v->given), p->name);
	if (provider_has_regions(p) && region.len == 0)
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' lacks the region: write %s:REGION, such as "
		                 "%s:eu-west-1",
		                 SETTINGS_QUOTED(v->given), p->name, p->name);
	if (provider_has_regions(p) && !provider_is_region(region))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s': what is behind the : is no region such as eu-west-1",
		                 SETTINGS_QUOTED(v->given));
	*to = mem_copy(v->given);
	return true;
}

const struct settings_kind settings_provider = {read_provider, settings_write_text,
                                                settings_release_pointer, false, false};
