/* SPDX-License-Identifier: MIT */
/* JSON text to values, within bounds. */

#include "ipc/json.h"

#include <errno.h>
#include <string.h>

#include "policy/limits.h"

/* jansson bounds its recursion at 2048; here it is less, and counted before it recurses. */
static bool
is_too_deep(const char *text, size_t size)
{
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < size; i++) {
		if (in_string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				in_string = false;
		} else if (text[i] == '"') {
			in_string = true;
		} else if (text[i] == '{' || text[i] == '[') {
			if (++depth > MT_JSON_DEPTH_MAX)
				return true;
		} else if ((text[i] == '}' || text[i] == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

int
mt_json_parse(const char *text, size_t size, json_t **ret, struct mt_diag *diag)
{
	json_error_t error;
	char escaped[128];
	json_t *json;

	if (size > MT_JSON_LINE_MAX) {
		mt_diag_set(diag, SIZE_MAX, "longer than %d bytes", MT_JSON_LINE_MAX);
		return MT_JSON_E_INVALID;
	}
	if (is_too_deep(text, size)) {
		mt_diag_set(diag, SIZE_MAX, "nested deeper than %d levels", MT_JSON_DEPTH_MAX);
		return MT_JSON_E_INVALID;
	}
	json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!json) {
		if (json_error_code(&error) == json_error_out_of_memory)
			return -ENOMEM;
		mt_escape(error.text, strlen(error.text), escaped, sizeof(escaped));
		mt_diag_set(diag, error.position > 0 ? (size_t)error.position : 0, "no JSON: %s",
			    escaped);
		return MT_JSON_E_INVALID;
	}
	*ret = json;
	return 0;
}
