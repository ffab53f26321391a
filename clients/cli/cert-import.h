/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_CERT_IMPORT_H
#define MT_CLI_CERT_IMPORT_H

/*
 * A client certificate out of a file its owner names: PEM with certificates and private key, or
 * PKCS#12, encrypted or not.
 *
 * The passphrase is asked at the terminal, or is the first line of a file that is named for it;
 * never an argument, which every user of the machine could read, and never kept. The key goes to
 * the caller and nowhere else. What is read here is foreign, in the user's own process: bounded,
 * and handed to OpenSSL. Whether the certificate suits the account is not asked.
 *
 * RFC 7468 (PEM), RFC 7292 (PKCS#12).
 */

#include "clients/cli/command.h"
#include "clients/lib/client-cert.h"

/* passphrase_file NULL: the terminal is asked, if there is one. ret: as of mt_client_cert_load(),
 * the chain in the order of issue and without what does not belong to it.
 * Return: 0, an outcome of client-cert.h (ABSENT: one of the files cannot be read), with diag
 * saying why; -ENOMEM. */
MT_MUST_CHECK int mt_cert_import(struct mt_cli *cli, const char *path, const char *passphrase_file,
				 struct mt_client_cert *ret, struct mt_diag *diag);

#endif
