/* SPDX-License-Identifier: MIT */
/* Questions as bytes. */

#include "clients/connect/question.h"

#include <errno.h>

#define SIGNATURE "ubsa{sv}"

static DBusMessage *
make_message(const struct mt_question *question)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *message = dbus_message_new_method_call(NULL, "/", NULL, "Ask");
	dbus_uint32_t number = question->number;
	dbus_bool_t is_handshake = question->is_handshake;
	const char *op = mt_op_to_string(question->op);
	DBusMessageIter iter;

	if (!message ||
	    !dbus_message_append_args(message, DBUS_TYPE_UINT32, &number, DBUS_TYPE_BOOLEAN,
				      &is_handshake, DBUS_TYPE_STRING, &op, DBUS_TYPE_INVALID))
		return NULL;
	dbus_message_iter_init_append(message, &iter);
	if (mt_codec_append_evidence(&iter, &question->evidence))
		return NULL;

	dbus_message_set_serial(message, 1); /* there is no message without */
	return mt_steal(&message);
}

int
mt_question_encode(const struct mt_question *question, char **ret, size_t *ret_size)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *message = make_message(question);
	char *data;
	int size;

	if (!message || !dbus_message_marshal(message, &data, &size))
		return -ENOMEM;
	if (size > MT_QUESTION_BYTES_MAX) {
		dbus_free(data);
		return -EMSGSIZE;
	}
	*ret = data;
	*ret_size = (size_t)size;
	return 0;
}

static int
read_message(DBusMessage *message, struct mt_question *ret)
{
	struct mt_diag diag = {0};
	dbus_bool_t is_handshake;
	dbus_uint32_t number;
	DBusMessageIter iter;
	const char *op;

	if (!dbus_message_has_signature(message, SIGNATURE))
		return MT_QUESTION_E_NONSENSE;
	dbus_message_iter_init(message, &iter);
	dbus_message_iter_get_basic(&iter, &number);
	dbus_message_iter_next(&iter);
	dbus_message_iter_get_basic(&iter, &is_handshake);
	dbus_message_iter_next(&iter);
	dbus_message_iter_get_basic(&iter, &op);
	dbus_message_iter_next(&iter);
	if (number == 0 || mt_op_from_string(op, &ret->op) ||
	    mt_codec_read_evidence(&iter, &ret->evidence, &diag))
		return MT_QUESTION_E_NONSENSE;

	ret->number = number;
	ret->is_handshake = is_handshake;
	return 0;
}

int
mt_question_decode(const char *data, size_t size, struct mt_question *ret)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *message = NULL;

	*ret = (struct mt_question){0};
	if (size > MT_QUESTION_BYTES_MAX)
		return MT_QUESTION_E_NONSENSE;
	message = dbus_message_demarshal(data, (int)size, NULL);
	return message ? read_message(message, ret) : MT_QUESTION_E_NONSENSE;
}

void
mt_question_clear(struct mt_question *question)
{
	mt_evidence_clear(&question->evidence);
	*question = (struct mt_question){0};
}
