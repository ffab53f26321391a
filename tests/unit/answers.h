/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_ANSWERS_H
#define MT_TESTS_ANSWERS_H

/* Six SRV answers, as a test writes them down. */

#include "policy/discovery.h"

#define ANSWERS_DOMAIN "example.test"

/* "signed" or "unsigned", then records, parted by commas: "signed _imaps imap 993, _imap imap 143
 * 10" (label, target, port, priority). A target without a dot is in ANSWERS_DOMAIN. Labels without
 * a record are absent. Or "bogus", "servfail". */
void answers_parse(const char *text, struct mt_srv_rrset ret[static MT_SERVICE_COUNT]);

#endif
