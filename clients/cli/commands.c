/* SPDX-License-Identifier: MIT */
/* The table of commands. */

#include "clients/cli/command.h"

#include <stdarg.h>
#include <string.h>

#define ENDPOINT_HELP                                                                \
	"\nA server is HOST[:PORT], and after a slash how it is encrypted:\n"        \
	"  imap.example.net            TLS from the start, on the registered port\n" \
	"  imap.example.net:143        STARTTLS, because 143 is a port for it\n"     \
	"  mail.example.net/starttls   STARTTLS\n"                                   \
	"  [2001:db8::1]:993           an address; brackets where a port follows\n"  \
	"  mail.example.net/none       not encrypted: only with reduced confidentiality\n"

const struct mt_command mt_commands[] = {
	{"status", "", mt_command_status,
	 "the service, the policy in force, accounts and their level",
	 "Shows at a glance whether the service runs, which policy is in force, and how well each\n"
	 "account is protected.\n"},
	{"discover", "ADDRESS", mt_command_discover, "the servers on offer for an address",
	 "Asks which servers the domain of an address offers, and shows them best first, with\n"
	 "how far their names can be trusted, and what was left out and why. Nothing is stored, "
	 "and\n"
	 "no mail server is connected to.\n"
	 "Whom it asks the service's configuration says: an administrator's presets, DNS (SRV),\n"
	 "and, both experimental, documents that the domain publishes by PACC or autoconfig.\n"},
	{"account add",
	 "ADDRESS [--imap SERVER] [--pop3 SERVER] [--submission SERVER]\n"
	 "                   [--reduced-confidentiality] [--allow-port-25]",
	 mt_command_account_add, "add a mail account and its servers",
	 "Adds an account that refuses every connection that is not encrypted and verified. It "
	 "stays\n"
	 "in setup until 'account commit' has looked at its servers.\n"
	 "Without servers it asks as 'discover' does, shows what is offered and what it would "
	 "take, and\n"
	 "after your confirmation looks at them and puts the account to use. --yes confirms, but\n"
	 "for a server outside the domain of your address that unsigned DNS names: that is asked "
	 "of\n"
	 "you before anything connects to it.\n" ENDPOINT_HELP
	 "\n--reduced-confidentiality adds it without that requirement, after you have typed your\n"
	 "consent to a warning. No option gives that consent for you.\n"
	 "--allow-port-25 accepts port 25, which is for mail between servers.\n"},
	{"account list", "", mt_command_account_list,
	 "your accounts and how well they are protected",
	 "Lists your accounts: protected, reduced or blocked.\n"},
	{"account show", "ID [--raw]", mt_command_account_show, "one account in full",
	 "Shows an account's servers, requirements and consents, what has changed at its provider, "
	 "and\n"
	 "what is offered to it. ID is an address or an account id. --raw prints the stored record "
	 "in\n"
	 "hexadecimal, for comparing: equal records are an unchanged account.\n"},
	{"account edit",
	 "ID [--imap SERVER] [--pop3 SERVER] [--submission SERVER] [--remove SERVICE]\n"
	 "                    [--set FIELD=VALUE] [--min-conf=on|off | --reduced-confidentiality]\n"
	 "                    [--allow-port-25]",
	 mt_command_account_edit, "change servers or requirements",
	 "Changes an account. --set changes one requirement, as 'account show' names them, and may "
	 "be\n"
	 "repeated.\n" ENDPOINT_HELP "\n--min-conf=off, or --reduced-confidentiality, lets the "
	 "account work without assurance of\n"
	 "privacy, after you have typed your consent to a warning.\n"},
	{"account commit", "ID", mt_command_account_commit, "look at the servers and put it to use",
	 "Looks at every server of an account in setup, shows what it found, and puts the account "
	 "to\n"
	 "use if all of them meet its requirements.\n"},
	{"account accept", "ID [SERVICE]", mt_command_account_accept,
	 "take an encrypted server that is offered",
	 "Takes the server that 'account show' offers: the service looks at it once more, uses it "
	 "in\n"
	 "place of the one before, and, where every server of the account then is confidential,\n"
	 "requires that from now on. It never makes an account weaker. SERVICE is imap, pop3 or\n"
	 "submission, and is needed where several are offered.\n"},
	{"account decline", "ID [SERVICE]", mt_command_account_decline,
	 "say no to a server that is offered",
	 "Declines what 'account show' offers: it is not offered again for thirty days.\n"},
	{"account remove", "ID", mt_command_account_remove, "remove an account",
	 "Removes an account with its certificates and consents.\n"},
	{"pin list", "[ID]", mt_command_pin_list, "certificates accepted by hand",
	 "Lists the certificates that were accepted by hand, with fingerprint and age. None of "
	 "them\n"
	 "gives privacy.\n"},
	{"pin add", "ID [SERVICE]", mt_command_pin_add,
	 "accept a server's certificate by hand, in setup",
	 "Looks at a server of an account in setup that was added without the requirement, shows "
	 "its\n"
	 "certificate's fingerprint and the dangers, and accepts that one certificate for that "
	 "one\n"
	 "server of that one account after you have typed your consent. Compare the fingerprint "
	 "with\n"
	 "your provider by another way first. It never makes a connection confidential.\n"
	 "This binds the whole certificate to one host name of one account; it has nothing to do\n"
	 "with the key pinning of web browsers.\n"},
	{"pin remove", "ID HOST [FINGERPRINT]", mt_command_pin_remove,
	 "take an accepted certificate back",
	 "Takes back what 'pin add' accepted for a host; with FINGERPRINT, that certificate "
	 "alone.\n"
	 "Connections that relied on it are refused or reported from then on.\n"},
	{"cert list", "ID", mt_command_cert_list, "client certificates of an account",
	 "Lists the client certificates that are allowed for an account, with whose they are, "
	 "their\n"
	 "thumbprint, and whether their files can be used. Of several the last is presented.\n"},
	{"cert allow", "ID FILE [--passphrase-file FILE]", mt_command_cert_allow,
	 "log in to an account with a certificate of yours",
	 "Takes your certificate and its private key from FILE (PEM, or PKCS#12) and allows it "
	 "for\n"
	 "this account and no other: its servers are shown it if they ask for it, on connections\n"
	 "that are encrypted from the start, and you are not asked again. It is kept, not "
	 "encrypted,\n"
	 "in a file only you can read, below $XDG_DATA_HOME/mailtrust/client-certificates.\n"
	 "If the key is encrypted you are asked for its passphrase; --passphrase-file takes the\n"
	 "first line of a file (or of /dev/fd/N) instead.\n"},
	{"cert revoke", "ID THUMBPRINT", mt_command_cert_revoke,
	 "take a client certificate back from an account",
	 "Revokes what 'cert allow' allowed, for this account, and removes its file. THUMBPRINT "
	 "is\n"
	 "the SHA-256 that 'cert list' shows, or its beginning. Connections it was presented on "
	 "are\n"
	 "asked about again.\n"},
	{"consent", "ID KIND SERVICE", mt_command_consent, "read a warning and agree to it",
	 "Shows the warning of that kind for one server of an account that works without the\n"
	 "requirement, and records your consent after you have typed it. KIND is\n"
	 "  password-exposure  one test of an account in setup, within ten minutes\n"
	 "  downgrade          a service that was better protected before\n"
	 "  srv-target         a server outside the domain of your address\n"
	 "A consent of one kind, or for one server, serves no other. No option gives it for "
	 "you.\n"},
	{"srv show", "ID", mt_command_srv_show, "what DNS last said about an account's servers",
	 "Shows the SRV answers that were kept when an account's servers were last looked up, "
	 "with\n"
	 "their age and DNSSEC state. DNS is not asked, and connections do not depend on them.\n"},
	{"srv check", "ID", mt_command_srv_check,
	 "look now whether the provider's servers have changed",
	 "Asks DNS whether the provider's servers are still those the account was set up from, and "
	 "says\n"
	 "what has changed, what that means, and what to do. The account itself never changes by "
	 "it. The\n"
	 "service looks by itself once a day, or as often as the policy says (srv_check_max); this "
	 "looks\n"
	 "now, once a minute at most. What unsigned data says counts once a second look, ten "
	 "minutes or\n"
	 "more later, agrees. Exit status: 0 nothing to worry about, 20 somebody should look into "
	 "it, 30 it\n"
	 "looks like an attack, 75 nothing is known yet.\n"},
	{"watch", "", mt_command_watch, "show what happens to your accounts as it happens",
	 "Prints a line for everything the service tells about your accounts, until it is "
	 "interrupted:\n"
	 "changes of state and policy, changes of a provider's servers, encryption that has "
	 "become\n"
	 "available, alarms. With --json each line is an object with time, signal, id and "
	 "arguments.\n"},
	{"check", "ID [SERVICE] [--starttls-injection]", mt_command_check,
	 "connect to a server and ask for a verdict",
	 "Connects as a mail program would, up to the point where it would log in, asks the\n"
	 "service, and prints the verdict with every reason. Nothing secret is sent. SERVICE is\n"
	 "imap, pop3 or submission; without it every server of the account is checked, and the\n"
	 "exit status is the worst of them. --starttls-injection asks for no verdict: it sends\n"
	 "a NOOP behind STARTTLS and tells whether the server obeys it inside TLS, as it must not\n"
	 "(exit status 30 where it does). Of a server that is allowed it also notes whether it\n"
	 "takes whatever protocol is named in the handshake (ALPN), by a second one where "
	 "needed.\n"},
	{"connect",
	 "[--listen unix:PATH | --listen tcp:127.0.0.1:PORT] [--export-cb FD | --sasl-external "
	 "[--authzid NAME]] ID SERVICE",
	 mt_command_connect, "an authorised mail session on stdin and stdout",
	 "Connects to a server, asks the service, and only if it allows passes on what a mail\n"
	 "program says on standard input and what the server answers. Mail programs that can run "
	 "a\n"
	 "command instead of connecting use it without being changed; for others --listen gives\n"
	 "each connection of yours to a socket such a session. SERVICE is imap, pop3 or\n"
	 "submission. --export-cb gives a program that binds its login to the connection what it "
	 "needs\n"
	 "for that (RFC 9266). --sasl-external logs in with the client certificate the account "
	 "may\n"
	 "use and hands over a session that is logged in; --authzid says as whom, where that is "
	 "not\n"
	 "whom the certificate names. A refusal is told to the program in its own protocol and to "
	 "you on "
	 "standard\n"
	 "error; no option changes one.\n"},
	{"verify", "[TOKEN] [--jwks FILE]", mt_command_verify, "check a verdict token offline",
	 "Checks the signature and dates of a token, from the argument or standard input, with "
	 "the\n"
	 "keys in FILE or those of the service, and prints what it says. Whether it belongs to a\n"
	 "connection only that connection's two ends can tell.\n"},
	{"key show", "[--jwks]", mt_command_key_show, "the keys that sign verdicts",
	 "Lists the service's public keys; with --jwks as a JSON Web Key Set for other "
	 "programs.\n"},
	{0},
};

static const struct mt_command *
find_command(const char *name)
{
	for (const struct mt_command *command = mt_commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;

	return NULL;
}

enum mt_exit
mt_cli_usage(struct mt_cli *cli, const char *name, const char *format, ...)
{
	const struct mt_command *command = find_command(name);
	va_list args;

	(void)fputs("mailtrust: ", cli->err);
	va_start(args, format);
	(void)vfprintf(cli->err, format, args);
	va_end(args);
	(void)fputs("\n", cli->err);
	if (command)
		(void)fprintf(cli->err, "Usage: mailtrust %s %s\nSee 'mailtrust help %s'.\n",
			      command->name, command->usage, command->name);
	else
		(void)fputs("See 'mailtrust help'.\n", cli->err);

	return MT_EXIT_USAGE;
}
