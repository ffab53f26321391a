/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_SPEECH_H
#define MT_CONNECT_SPEECH_H

/*
 * What the tunnel itself says to a mail program, in the program's protocol: the greeting that opens
 * an authorised session, and the refusal that ends one.
 *
 * A greeting is made anew from what was read inside TLS: nothing the server said before it is in
 * there (D-STLS-02, D-STLS-11). Text for people goes through here only as printable ASCII on one
 * line, so nobody else's words can become protocol.
 */

#include "ipc/mail/dialogue.h"

#define MT_SPEECH_SIZE 1024

/* "* OK [CAPABILITY …] …", "* PREAUTH …", "+OK …", "220 …". Without capabilities a program asks for
 * them itself; so it is where the list is not known whole, or was read in cleartext. With the
 * server's timestamp for APOP, where it gave one inside TLS. Return: its size. */
size_t mt_speech_greeting(enum mt_proto proto, const char *host,
			  const struct mt_dialogue_facts *facts, bool in_tls,
			  char buffer[static MT_SPEECH_SIZE]);

/* "* BYE why", "-ERR why", "421 why"; nothing for an unknown protocol. Return: its size. */
size_t mt_speech_refusal(enum mt_proto proto, const char *why, char buffer[static MT_SPEECH_SIZE]);

#endif
