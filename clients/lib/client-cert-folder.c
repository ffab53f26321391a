/* SPDX-License-Identifier: MIT */
/* The folder of an account's certificates. */

#include "clients/lib/client-cert-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/contract.h"
#include "ipc/fd.h"
#include "ipc/text.h"

/* Below the data folder, outermost first; the account's own is the last. */
static const char *const levels[] = {"mailtrust", "client-certificates"};

void
mt_client_cert_name(const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE],
		    char ret[static MT_CLIENT_CERT_NAME_SIZE])
{
	mt_hex_encode(sha256, MT_CLIENT_CERT_SHA256_SIZE, ret);
	strcpy(ret + 2 * MT_CLIENT_CERT_SHA256_SIZE, ".pem");
}

int
mt_client_cert_name_parse(const char *name, uint8_t ret[static MT_CLIENT_CERT_SHA256_SIZE])
{
	uint8_t sha256[MT_CLIENT_CERT_SHA256_SIZE];
	char again[MT_CLIENT_CERT_NAME_SIZE];

	if (strlen(name) != MT_CLIENT_CERT_NAME_SIZE - 1 ||
	    !mt_hex_decode(name, sizeof(sha256) * 2, sha256, sizeof(sha256)))
		return 1;
	/* one name for each: lower case, this ending */
	mt_client_cert_name(sha256, again);
	if (strcmp(name, again) != 0)
		return 1;
	memcpy(ret, sha256, sizeof(sha256));
	return 0;
}

int
mt_client_cert_folder(char ret[static MT_CLIENT_CERT_FOLDER_SIZE])
{
	/* Not secure_getenv(): they say where the caller keeps what is his, and the service says
	 * which of it counts. */
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int size = -1;

	if (data && *data == '/')
		size = snprintf(ret, MT_CLIENT_CERT_FOLDER_SIZE, "%s", data);
	else if (home && *home == '/')
		size = snprintf(ret, MT_CLIENT_CERT_FOLDER_SIZE, "%s/.local/share", home);
	return size > 0 && size < MT_CLIENT_CERT_FOLDER_SIZE ? 0 : 1;
}

static bool
is_account_id(const char *text)
{
	return strlen(text) == MT_ACCOUNT_ID_TEXT_SIZE - 1 &&
	       strspn(text, "0123456789abcdef") == MT_ACCOUNT_ID_TEXT_SIZE - 1;
}

/* The caller's, and nobody else puts anything there. */
static bool
is_own(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

/* One level down; *fd is the folder it is in, and then it. */
static int
enter(int *fd, const char *name, bool create, struct mt_diag *diag)
{
	int next;

	if (create && mkdirat(*fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0 && errno == ENOENT)
		return MT_CLIENT_CERT_E_ABSENT;
	if (next < 0 && errno != ELOOP && errno != ENOTDIR)
		return -errno;
	if (next < 0 || !is_own(next)) {
		mt_fd_close(&next);
		mt_diag_set(diag, SIZE_MAX,
			    "the folder \"%s\" is a link, or not yours, or others may write to it",
			    name);
		return MT_CLIENT_CERT_E_UNSAFE;
	}
	(void)close(*fd);
	*fd = next;
	return 0;
}

/* The data folder with all above it, as the specification has it: 0700 where they are missing. */
static int
make_folders(const char *folder)
{
	char path[MT_CLIENT_CERT_FOLDER_SIZE];

	if ((size_t)snprintf(path, sizeof(path), "%s", folder) >= sizeof(path))
		return -ENAMETOOLONG;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int
open_folder(const char *folder, const char *account, bool create, int *ret_fd, struct mt_diag *diag)
{
	MT_CLEANUP(mt_fd_close) int fd = -1;
	int r = create ? make_folders(folder) : 0;

	if (r)
		return r;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? MT_CLIENT_CERT_E_ABSENT : -errno;
	for (size_t i = 0; i < MT_ARRAY_SIZE(levels) && r == 0; i++)
		r = enter(&fd, levels[i], create, diag);
	if (r == 0)
		r = enter(&fd, account, create, diag);
	if (r)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int
mt_client_cert_folder_open(const char *folder, const char *account, bool create, int *ret_fd,
			   struct mt_diag *diag)
{
	int r;

	/* an id comes from the service, or from whoever types it: no way out of the folder */
	if (!is_account_id(account))
		return MT_CLIENT_CERT_E_ABSENT;
	r = open_folder(folder, account, create, ret_fd, diag);
	if (r < 0)
		mt_diag_set(diag, SIZE_MAX, "their folder cannot be opened: %s", strerror(-r));
	return r;
}
