/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_PROMPT_H
#define MT_CLI_PROMPT_H

/*
 * The only place that asks a human.
 *
 * Two kinds: a question, which --yes answers, and a consent, which nothing answers but the person
 * typing a phrase after reading the warning (RFC 8314 §5.2, R-5.2-08). Whether the consent counts,
 * and recording it, is the service's. Where nobody can be asked (--non-interactive, --json, no
 * terminal) a question is answered no and a consent is not given.
 */

#include "clients/cli/command.h"
#include "policy/consent.h"

enum { MT_PROMPT_E_DECLINED = 1, MT_PROMPT_E_NOBODY = 2 };

/* Somebody is at the terminal and may be asked. */
bool mt_prompt_is_possible(const struct mt_cli *cli);

/* Shows the warning of that kind and what it is for, and waits for the phrase.
 * Return: 0, MT_PROMPT_E_DECLINED, or MT_PROMPT_E_NOBODY; the warning was shown in every case. */
MT_MUST_CHECK int mt_prompt_consent(struct mt_cli *cli, enum mt_consent_kind kind,
				    const char *subject);

/* A yes-or-no question. Return: 0 for yes, MT_PROMPT_E_DECLINED, or MT_PROMPT_E_NOBODY. */
MT_MUST_CHECK int mt_prompt_question(struct mt_cli *cli, const char *question);

/* One line of text; "" where nothing was typed. Return: 0, or MT_PROMPT_E_NOBODY. */
#define MT_PROMPT_TEXT_SIZE 512
MT_MUST_CHECK int mt_prompt_text(struct mt_cli *cli, const char *question,
				 char ret[static MT_PROMPT_TEXT_SIZE]);

/* The same, with nothing to be seen of what is typed; the caller wipes ret. */
MT_MUST_CHECK int mt_prompt_secret(struct mt_cli *cli, const char *question,
				   char ret[static MT_PROMPT_TEXT_SIZE]);

#endif
