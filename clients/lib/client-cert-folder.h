/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_CLIENT_CERT_FOLDER_H
#define MT_LIB_CLIENT_CERT_FOLDER_H

/*
 * Where the files of client-cert.h are: what reading (client-cert.c) and writing
 * (client-cert-store.c) share. Private to these two.
 *
 * Below the caller's data folder no symbolic link is followed, and each folder is the caller's and
 * writable by nobody else: a file of the right name and digest is then one the caller put there.
 */

#include <stdio.h>

#include "clients/lib/client-cert.h"

/* 64 digits, ".pem". */
#define MT_CLIENT_CERT_NAME_SIZE (2 * MT_CLIENT_CERT_SHA256_SIZE + sizeof(".pem"))
void mt_client_cert_name(const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE],
			 char ret[static MT_CLIENT_CERT_NAME_SIZE]);
/* The SHA-256 of a name in that form. Return: 0, or 1. */
MT_MUST_CHECK int mt_client_cert_name_parse(const char *name,
					    uint8_t ret[static MT_CLIENT_CERT_SHA256_SIZE]);

/* Opens an account's folder; create: makes those below the data folder where they are missing.
 * Return: 0 with a descriptor of the caller's, ABSENT, UNSAFE, negative errno; diag is set with the
 * last two. */
MT_MUST_CHECK int mt_client_cert_folder_open(const char *folder, const char *account, bool create,
					     int *ret_fd, struct mt_diag *diag);

#endif
