/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_CONSENT_TEXT_H
#define MT_POLICY_CONSENT_TEXT_H

/*
 * The warnings, and nothing else: every word a person has read when a consent is on record, with
 * the version that the record names (R-5.1-08).
 *
 * Each says in substance that the connection is not encrypted to the right one, that others can
 * read what is sent, and that this is the password and the messages. None says that anything is
 * well. Whoever changes a word raises the version; test-consent knows the words of each version and
 * fails otherwise. A consent to an older text is not taken any more.
 */

#define MT_CONSENT_TEXT_VERSION 2

/* W-CLEAR: RFC 8314 §5.2 and R-5.2-08. */
#define MT_CONSENT_TEXT_REDUCED_CONFIDENTIALITY                                              \
	"Connections of this account may be not encrypted, or encrypted to somebody who is " \
	"not your mail server. Others can read your password and messages, and see whom "    \
	"you write to. Nothing tells you when they do."

/* R-5.1-10 */
#define MT_CONSENT_TEXT_PASSWORD_EXPOSURE                                                      \
	"The connection to this server is not encrypted, or the server has not proved who it " \
	"is. If you log in now to test it, others can read your password and messages. This "  \
	"consent is for one test within ten minutes."

/* RFC 8314 §5.4 and R-5.4-09: what is special about a pin. */
#define MT_CONSENT_TEXT_PIN                                                                     \
	"The server has not proved who it is, and accepting its certificate by hand does not "  \
	"change that:\n"                                                                        \
	" - An attacker who stands between you and the server now may have made this "          \
	"certificate. The connection is then not encrypted to your provider but to the "        \
	"attacker: others can read your password and messages, unnoticed, as long as you keep " \
	"it.\n"                                                                                 \
	" - It cannot be withdrawn: if its key is stolen, nothing warns you.\n"                 \
	" - It is not renewed: when the server gets another certificate, connections are "      \
	"refused until you take this one back.\n"                                               \
	"Compare the fingerprint with your provider by another way, such as telephone or a "    \
	"letter, before you accept it."

/* R-5.1-12, D-DISC-02: of SRV records and of documents, which may lead elsewhere or come in clear.
 */
#define MT_CONSENT_TEXT_SRV_TARGET                                                               \
	"What names this server may be forged, or the server is outside the domain of your "     \
	"address. If it is the wrong one, the connection is not encrypted to your provider but " \
	"to somebody else, and others can read your password and messages. Check that the name " \
	"is right."

/* R-5.2-13 */
#define MT_CONSENT_TEXT_DOWNGRADE                                                                  \
	"This service was better protected before. If you go on, the connection is not encrypted " \
	"as it was. That may be an attack, by which others can read your password and messages."

#endif
