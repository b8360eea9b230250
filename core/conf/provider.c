/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/provider.h"

#define REGION_MAX_LEN 32

/* The lists of accounts and servers that mail programs fetch. */
#define AUTOCONFIG "https://autoconfig.thunderbird.net/v1.1/"

/* To add one: a page of the provider that names host, port and encryption. Where both are
 * offered, TLS from the first byte (RFC 8314 section 3) and the ports that are blocked least. */
static const struct provider rows[] = {
    {.name = "gmail",
     .host = "smtp.gmail.com",
     .port = "465",
     .security = "tls",
     .max_recipients = "100",
     .rate = "500/d",
     .oauth = "google",
     .passwords = true,
     .domains = "gmail.com googlemail.com",
     .mx = "google.com googlemail.com",
     .todo = "turn on 2-step verification, then make an app password",
     .source = AUTOCONFIG "gmail.com"},
    {.name = "google-workspace",
     .host = "smtp-relay.gmail.com",
     .port = "587",
     .security = "starttls",
     .rate = "10000/d",
     .todo = "an administrator allows it (SMTP relay service), by address or by login",
     .source = "https://support.google.com/a/answer/2956491"},
    {.name = "microsoft",
     .host = "smtp.office365.com",
     .port = "587",
     .security = "starttls",
     .auth = "XOAUTH2",
     .connections = "3",
     .rate = "30/m",
     .oauth = "microsoft",
     .domains = "onmicrosoft.com office365.com",
     .mx = "mail.protection.outlook.com",
     .todo = "passwords have ended: oauth; SMTP AUTH is allowed for the mailbox",
     .source = "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/"
               "smtp-submission-improvements"},
    {.name = "outlook.com",
     .host = "smtp-mail.outlook.com",
     .port = "587",
     .security = "starttls",
     .auth = "XOAUTH2",
     .oauth = "microsoft",
     .domains = "outlook.com hotmail.com live.com msn.com windowslive.com outlook.de "
                "outlook.fr hotmail.de hotmail.fr hotmail.co.uk live.de live.co.uk",
     .mx = "olc.protection.outlook.com",
     .todo = "passwords have ended: oauth",
     .source = "https://github.com/nodemailer/nodemailer/blob/master/lib/well-known/"
               "services.json"},
    {.name = "ses",
     .host = "email-smtp.*.amazonaws.com",
     .port = "465, 2465",
     .security = "tls",
     .max_recipients = "50",
     .todo = "make SMTP credentials in that region: their name is the user; rate is yours",
     .source = "https://docs.aws.amazon.com/ses/latest/dg/smtp-connect.html"},
    {.name = "fastmail",
     .host = "smtp.fastmail.com",
     .port = "465",
     .security = "tls",
     .domains = "fastmail.com fastmail.fm",
     .mx = "messagingengine.com",
     .todo = "make an app password",
     .source = "https://www.fastmail.com/help/technical/servernamesandports.html"},
    {.name = "icloud",
     .host = "smtp.mail.me.com",
     .port = "587",
     .security = "starttls",
     .domains = "icloud.com me.com mac.com",
     .mx = "mail.icloud.com",
     .todo = "turn on two-factor authentication, then make an app-specific password",
     .source = AUTOCONFIG "icloud.com"},
    {.name = "yahoo",
     .host = "smtp.mail.yahoo.com",
     .port = "465",
     .security = "tls",
     .domains = "yahoo.com yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.co.uk ymail.com "
                "rocketmail.com myyahoo.com",
     .mx = "am0.yahoodns.net",
     .todo = "make an app password",
     .source = AUTOCONFIG "yahoo.com"},
    {.name = "aol",
     .host = "smtp.aol.com",
     .port = "465",
     .security = "tls",
     .domains = "aol.com aim.com aol.de aol.fr aol.co.uk",
     .mx = "mx-aol.mail.gm0.yahoodns.net",
     .todo = "make an app password",
     .source = AUTOCONFIG "aol.com"},
    {.name = "zoho",
     .host = "smtp.zoho.com",
     .port = "465",
     .security = "tls",
     .domains = "zoho.com zohomail.com",
     .todo = "with two-factor authentication, make an app password; other regions: host",
     .source = "https://www.zoho.com/mail/help/zoho-smtp.html"},
    {.name = "zoho-pro",
     .host = "smtppro.zoho.com",
     .port = "465",
     .security = "tls",
     .todo = "of paid organizations; else as zoho",
     .source = "https://www.zoho.com/mail/help/zoho-smtp.html"},
    {.name = "protonmail",
     .host = "smtp.protonmail.ch",
     .port = "587",
     .security = "starttls",
     .mx = "mail.protonmail.ch mailsec.protonmail.ch",
     .todo = "make an SMTP token for an address of an own domain: it is the password",
     .source = "https://proton.me/support/smtp-submission"},
    {.name = "mailbox.org",
     .host = "smtp.mailbox.org",
     .port = "465",
     .security = "tls",
     .domains = "mailbox.org",
     .mx = "mailbox.org",
     .todo = "with two-factor authentication, make an application password",
     .source = "https://kb.mailbox.org/en/private/e-mail/e-mail-configuration"},
    {.name = "posteo",
     .host = "posteo.de",
     .port = "465",
     .security = "tls",
     .domains = "posteo.de posteo.net posteo.org posteo.at posteo.ch posteo.eu",
     .mx = "posteo.de",
     .source = AUTOCONFIG "posteo.de"},
    {.name = "gmx",
     .host = "mail.gmx.net",
     .port = "465",
     .security = "tls",
     .domains = "gmx.net gmx.de gmx.at gmx.ch gmx.eu gmx.org gmx.info gmx.biz",
     .mx = "gmx.net",
     .todo = "allow POP3 and IMAP in the settings of the account",
     .source = AUTOCONFIG "gmx.net"},
    {.name = "web.de",
     .host = "smtp.web.de",
     .port = "465",
     .security = "tls",
     .local_user = true,
     .domains = "web.de",
     .mx = "web.de",
     .todo = "allow POP3 and IMAP in the settings of the account",
     .source = AUTOCONFIG "web.de"},
    {.name = "t-online",
     .host = "securesmtp.t-online.de",
     .port = "465",
     .security = "tls",
     .domains = "t-online.de magenta.de",
     .mx = "t-online.de",
     .todo = "make a password for mail programs; that of the customer centre is refused",
     .source = AUTOCONFIG "t-online.de"},
    {.name = "ionos",
     .host = "smtp.ionos.de",
     .port = "465",
     .security = "tls",
     .mx = "kundenserver.de schlund.de ionos.de",
     .source = AUTOCONFIG "ionos.de"},
    {.name = "strato",
     .host = "smtp.strato.de",
     .port = "465",
     .security = "tls",
     .mx = "rzone.de",
     .source = AUTOCONFIG "strato.de"},
    {.name = "ovh",
     .host = "ssl0.ovh.net",
     .port = "465",
     .security = "tls",
     .todo = "of an MX Plan; other offers have another host",
     .source = "https://www.quai-des-entrepreneurs.com/ovh-mail"},
    {.name = "migadu",
     .host = "smtp.migadu.com",
     .port = "465",
     .security = "tls",
     .mx = "migadu.com",
     .source = "https://www.migadu.com/guides/imap/"},
    {.name = "gandi",
     .host = "mail.gandi.net",
     .port = "587",
     .security = "starttls",
     .source = "https://unpkg.com/nodemailer@6.6.5/lib/well-known/services.json"},
    {.name = "sendgrid",
     .host = "smtp.sendgrid.net",
     .port = "587, 2525",
     .security = "starttls",
     .user = "apikey",
     .todo = "make an API key with the right to send mail: it is the password",
     .source = "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/"
               "integrating-with-the-smtp-api"},
    {.name = "mailgun",
     .host = "smtp.mailgun.org",
     .port = "587, 2525",
     .security = "starttls",
     .todo = "make SMTP credentials for the domain: their name is the user",
     .source = "https://documentation.mailgun.com/docs/mailgun/user-manual/smtp-protocol/"},
    {.name = "mailgun-eu",
     .host = "smtp.eu.mailgun.org",
     .port = "587, 2525",
     .security = "starttls",
     .todo = "make SMTP credentials for the domain: their name is the user",
     .source = "https://cloud.google.com/compute/docs/tutorials/sending-mail/using-mailgun"},
    {.name = "postmark",
     .host = "smtp.postmarkapp.com",
     .port = "587, 2525",
     .security = "starttls",
     .todo = "the Server API token is both user and password",
     .source = "https://postmarkapp.com/support/article/"
               "811-what-are-the-smtp-details-api-tokens-i-should-be-using"},
    {.name = "mailjet",
     .host = "in-v3.mailjet.com",
     .port = "587",
     .security = "starttls",
     .todo = "the API key is the user, the secret key the password",
     .source = "https://rubydoc.info/gems/mailjet/Mailjet/Mailer"},
    {.name = "brevo",
     .host = "smtp-relay.brevo.com",
     .port = "465",
     .security = "tls",
     .todo = "make an SMTP key (not an API key): it is the password; the login is there too",
     .source = "https://developers.brevo.com/docs/smtp-integration"},
    {.name = "sparkpost",
     .host = "smtp.sparkpostmail.com",
     .port = "587, 2525",
     .security = "starttls",
     .user = "SMTP_Injection",
     .todo = "make an API key with \"Send via SMTP\": it is the password",
     .source = "https://developers.sparkpost.com/api/smtp/"},
    {.name = "sparkpost-eu",
     .host = "smtp.eu.sparkpostmail.com",
     .port = "587, 2525",
     .security = "starttls",
     .user = "SMTP_Injection",
     .todo = "make an API key with \"Send via SMTP\": it is the password",
     .source = "https://developers.sparkpost.com/api/smtp/"},
    {.name = "smtp2go",
     .host = "mail.smtp2go.com",
     .port = "465, 8465",
     .security = "tls",
     .todo = "verify the sender, then add an SMTP user",
     .source = "https://developers.smtp2go.com/docs/smtp-relay"},
    {.name = "resend",
     .host = "smtp.resend.com",
     .port = "465, 2465",
     .security = "tls",
     .user = "resend",
     .todo = "verify the domain, then make an API key: it is the password",
     .source = "https://resend.com/docs/send-with-smtp"},
};

struct str provider_cut(struct str given, struct str *region)
{
	size_t colon = str_find(given, ':');
	*region = colon == STR_NONE ? STR("") : str_from(given, colon + 1);
	return str_first(given, colon);
}

const struct provider *provider_at(size_t i)
{
	return i < COUNT(rows) ? &rows[i] : NULL;
}

const struct provider *provider_named(struct str name)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(name, str_of(rows[i].name)))
			return &rows[i];
	return NULL;
}

/* Is name one of the list, or below one? */
static bool is_within(struct str name, const char *list)
{
	struct str rest = str_of(list), one;
	if (name.len > 1 && str_ends(name, STR(".")))
		name.len--;
	while (str_cut(&rest, ' ', &one)) {
		size_t before = name.len - one.len;
		if (one.len > 0 && str_caseends(name, one) &&
		    (before == 0 || name.at[before - 1] == '.'))
			return true;
	}
	return false;
}

const struct provider *provider_of_domain(struct str domain)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (is_within(domain, rows[i].domains))
			return &rows[i];
	return NULL;
}

const struct provider *provider_of_mx(struct str host)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (is_within(host, rows[i].mx))
			return &rows[i];
	return NULL;
}

const struct provider *provider_of_host(struct str host)
{
	if (str_ends(host, STR(".")))
		host.len--;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_caseeq(host, str_of(rows[i].host)))
			return &rows[i];
	return NULL;
}

bool provider_has_regions(const struct provider *p)
{
	return str_find(str_of(p->host), '*') != STR_NONE;
}

bool provider_is_region(struct str text)
{
	size_t words = 0;
	bool number = false;
	struct str word;
	if (text.len > REGION_MAX_LEN || str_ends(text, STR("-")))
		return false;
	while (str_cut(&text, '-', &word)) {
		if (word.len == 0 || number)
			return false;
		number = ascii_digit(word.at[0]);
		for (size_t i = 0; i < word.len; i++)
			if (number ? !ascii_digit(word.at[i])
			           : word.at[i] < 'a' || word.at[i] > 'z')
				return false;
		words++;
	}
	return number && words > 1;
}

bool provider_add_host(const struct provider *p, struct str region, struct buf *out)
{
	struct str after = str_of(p->host), before;
	bool whole = str_cut(&after, '*', &before) && buf_add_str(out, before);
	if (!whole || !provider_has_regions(p))
		return whole;
	return buf_add_str(out, region) && buf_add_str(out, after);
}
