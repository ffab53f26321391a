/* SPDX-License-Identifier: MIT */
/* A mail program that knows nothing but mailtrust.h: prints a level, a decision, its reasons. */

#include <mailtrust.h>

#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	struct mailtrust_evidence *evidence = mailtrust_evidence_new();
	struct mailtrust_verdict *verdict = NULL;
	struct mailtrust *mailtrust = NULL;
	const char *reason;
	size_t i;

	if (argc != 2 || !evidence || mailtrust_open(NULL, &mailtrust) != 0 ||
	    mailtrust_evidence_set_text(evidence, "proto", "imap") != 0 ||
	    mailtrust_evidence_set_text(evidence, "host", "localhost") != 0 ||
	    mailtrust_evidence_set_number(evidence, "port", 1143) != 0 ||
	    mailtrust_evidence_set_text(evidence, "transport", "none") != 0)
		return 1;

	(void)printf("%s\n",
		     mailtrust_level_to_string(mailtrust_account_level(mailtrust, argv[1])));
	(void)mailtrust_check(mailtrust, argv[1], "capability", evidence, &verdict);
	(void)printf("%s\n", mailtrust_decision_to_string(mailtrust_verdict_decision(verdict)));
	for (i = 0; (reason = mailtrust_verdict_reason(verdict, i)) != NULL; i++)
		(void)printf("%s\n", reason);
	mailtrust_close(mailtrust);
	mailtrust_verdict_free(verdict);
	mailtrust_evidence_free(evidence);
	return 0;
}
