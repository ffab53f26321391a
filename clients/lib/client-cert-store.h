/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_CLIENT_CERT_STORE_H
#define MT_LIB_CLIENT_CERT_STORE_H

/*
 * Writes the files that client-cert.h loads: folders 0700, files 0600, each file whole or not at
 * all. Whether a certificate may be used is not decided by its file being there.
 */

#include "clients/lib/client-cert.h"

/* Keeps a certificate for an account, in place of the file it has already. folder, account: as for
 * mt_client_cert_load(). Return: 0, MT_CLIENT_CERT_E_UNSAFE, negative errno. */
MT_MUST_CHECK int mt_client_cert_save(const char *folder, const char *account,
				      const struct mt_client_cert *cert, struct mt_diag *diag);
/* Whether there is a file of that name, usable or not. */
bool mt_client_cert_is_there(const char *folder, const char *account,
			     const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE]);
/* Removes a certificate's file, usable or not. Return: 0, ABSENT, UNSAFE, negative errno. */
MT_MUST_CHECK int mt_client_cert_remove(const char *folder, const char *account,
					const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE]);
/* Removes every certificate of an account, and its folder with what was begun there. Return: 0,
 * also where there is none; UNSAFE, negative errno. */
MT_MUST_CHECK int mt_client_certs_remove(const char *folder, const char *account);

#endif
