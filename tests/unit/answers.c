/* SPDX-License-Identifier: MIT */
/* SRV answers from text. */

#include "tests/unit/answers.h"

#include <stdio.h>
#include <string.h>

#include "tests/cmocka-all.h"

static void
set_all(struct mt_srv_rrset *answers, enum mt_rrset_state state, enum mt_dnssec dnssec)
{
	memset(answers, 0, MT_SERVICE_COUNT * sizeof(*answers));
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		answers[i].rrset = (struct mt_rrset){.state = state, .dnssec = dnssec};
}

static void
add_record(struct mt_srv_rrset *answers, const char *text)
{
	unsigned int port = 0, priority = 0;
	struct mt_srv_record record = {0};
	const struct mt_service *service;
	char label[32], target[200];

	assert_true(sscanf(text, " %31s %199s %u %u", label, target, &port, &priority) >= 3);
	service = mt_service_find_label(label);
	assert_non_null(service);
	record.port = (uint16_t)port;
	record.priority = (uint16_t)priority;
	snprintf(record.target, sizeof(record.target), "%s%s", target,
		 strchr(target, '.') ? "" : "." ANSWERS_DOMAIN);
	answers[service - mt_services].rrset.state = MT_RRSET_FOUND;
	mt_srv_rrset_add(&answers[service - mt_services], &record);
}

void
answers_parse(const char *text, struct mt_srv_rrset ret[static MT_SERVICE_COUNT])
{
	char copy[512], *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", text);
	part = strsep(&rest, " ");
	if (strcmp(part, "bogus") == 0)
		set_all(ret, MT_RRSET_SERVFAIL, MT_DNSSEC_BOGUS);
	else if (strcmp(part, "servfail") == 0)
		set_all(ret, MT_RRSET_SERVFAIL, MT_DNSSEC_UNDETERMINED);
	else
		set_all(ret, MT_RRSET_ABSENT,
			strcmp(part, "signed") == 0 ? MT_DNSSEC_SECURE : MT_DNSSEC_INSECURE);
	while (rest && (part = strsep(&rest, ",")) != NULL)
		add_record(ret, part);
}
