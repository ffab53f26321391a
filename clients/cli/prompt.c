/* SPDX-License-Identifier: MIT */
/* Asks a human. */

#include "clients/cli/prompt.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/ui.h>

#define ANSWER_SIZE 128

bool
mt_prompt_is_possible(const struct mt_cli *cli)
{
	return !cli->non_interactive && !cli->json && isatty(fileno(cli->in));
}

/* One line without its newline. False at the end of input, or where the line is too long. */
static bool
read_answer(struct mt_cli *cli, char *answer, int size)
{
	char *end;

	(void)fflush(cli->err);
	if (!fgets(answer, size, cli->in))
		return false;

	end = strchr(answer, '\n');
	if (end)
		*end = '\0';

	return end != NULL;
}

int
mt_prompt_consent(struct mt_cli *cli, enum mt_consent_kind kind, const char *subject)
{
	/* the phrase is what is consented to, so that no habit of typing "yes" gives it */
	const char *phrase = mt_consent_kind_to_string(kind);
	char answer[ANSWER_SIZE];

	(void)fprintf(cli->err, "\nWARNING for %s\n\n%s\n\n", subject, mt_consent_text(kind));
	if (!mt_prompt_is_possible(cli))
		return MT_PROMPT_E_NOBODY;

	(void)fprintf(cli->err,
		      "To accept this, type  %s\nAnything else keeps you protected: ", phrase);
	return read_answer(cli, answer, ANSWER_SIZE) && strcmp(answer, phrase) == 0
		       ? 0
		       : MT_PROMPT_E_DECLINED;
}

int
mt_prompt_question(struct mt_cli *cli, const char *question)
{
	char answer[ANSWER_SIZE];

	if (cli->assume_yes)
		return 0;
	if (!mt_prompt_is_possible(cli))
		return MT_PROMPT_E_NOBODY;

	(void)fprintf(cli->err, "%s [y/N] ", question);
	return read_answer(cli, answer, ANSWER_SIZE) &&
			       (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0)
		       ? 0
		       : MT_PROMPT_E_DECLINED;
}

int
mt_prompt_text(struct mt_cli *cli, const char *question, char ret[static MT_PROMPT_TEXT_SIZE])
{
	if (!mt_prompt_is_possible(cli))
		return MT_PROMPT_E_NOBODY;

	(void)fprintf(cli->err, "%s: ", question);
	return read_answer(cli, ret, MT_PROMPT_TEXT_SIZE) ? 0 : MT_PROMPT_E_NOBODY;
}

int
mt_prompt_secret(struct mt_cli *cli, const char *question, char ret[static MT_PROMPT_TEXT_SIZE])
{
	char shown[ANSWER_SIZE];

	if (!mt_prompt_is_possible(cli))
		return MT_PROMPT_E_NOBODY;

	(void)fflush(cli->out);
	(void)fflush(cli->err);
	(void)snprintf(shown, sizeof(shown), "%s: ", question);
	/* OpenSSL's, because it brings the echo back whatever signal comes */
	return UI_UTIL_read_pw_string(ret, MT_PROMPT_TEXT_SIZE - 1, shown, 0) == 0
		       ? 0
		       : MT_PROMPT_E_NOBODY;
}
