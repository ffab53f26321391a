/* SPDX-License-Identifier: MIT */
/* Callers on a message bus: a private dbus-daemon, two uids, and a bus that goes away. */

#include "tests/cmocka-all.h"

#include "tests/unit/ipc-server.h"

static char folder[] = "/tmp/mt-bus-XXXXXX";
static char address[160], config[128], direct[128];
static pid_t bus_pid, server_pid;

static const char config_text[] =
	"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
	" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
	"<busconfig><listen>%s</listen><auth>EXTERNAL</auth>\n"
	"<policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>\n"
	"<allow send_type=\"method_call\"/><allow send_type=\"signal\"/>\n"
	"<allow send_requested_reply=\"true\" send_type=\"method_return\"/>\n"
	"<allow send_requested_reply=\"true\" send_type=\"error\"/>\n"
	"<allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>\n"
	"<allow receive_type=\"error\"/><allow receive_type=\"signal\"/></policy></busconfig>\n";

/* Starts dbus-daemon and waits until it says its address. */
static pid_t
start_bus(void)
{
	char option[160], said[256];
	int pipes[2];
	pid_t pid;

	(void)snprintf(option, sizeof(option), "--config-file=%s", config);
	if (pipe(pipes))
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(pipes[1], STDOUT_FILENO);
		(void)close(pipes[0]);
		(void)execlp("dbus-daemon", "dbus-daemon", "--nofork", "--print-address", option,
			     (char *)NULL);
		_exit(127);
	}
	(void)close(pipes[1]);
	if (read(pipes[0], said, sizeof(said)) <= 0)
		pid = -1;
	(void)close(pipes[0]);
	return pid;
}

static int
setup(void **state)
{
	struct server_options options = {.path = direct, .bus = address, .who = MT_LISTEN_ALL};
	FILE *file;

	if (!mkdtemp(folder) || chmod(folder, 0755))
		return -1;
	(void)snprintf(address, sizeof(address), "unix:path=%s/bus", folder);
	(void)snprintf(config, sizeof(config), "%s/bus.conf", folder);
	(void)snprintf(direct, sizeof(direct), "%s/direct", folder);
	file = fopen(config, "we");
	if (!file)
		return -1;
	(void)fprintf(file, config_text, address);
	(void)fclose(file);
	bus_pid = start_bus();
	server_pid = bus_pid > 0 ? server_start(&options) : -1;
	return server_pid > 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	bool clean = server_stop(server_pid);
	char path[160];

	if (bus_pid > 0) {
		(void)kill(bus_pid, SIGTERM);
		(void)waitpid(bus_pid, NULL, 0);
	}
	(void)snprintf(path, sizeof(path), "%s/bus", folder);
	(void)unlink(path);
	(void)unlink(config);
	(void)unlink(direct);
	(void)rmdir(folder);
	return clean ? 0 : -1;
}

static struct mt_client *
open_client(void)
{
	struct mt_client *client = NULL;

	return mt_client_open(MT_CLIENT_BUS, address, &client, NULL) == 0 ? client : NULL;
}

static void
the_uid_is_the_buss_word(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();

	assert_non_null(client);
	assert_int_equal(status_of(client, "uid"), 0);
	assert_int_equal(status_of(client, "direct"), 0);
	assert_int_equal(status_of(client, "attested"), 0);
	assert_int_not_equal(status_of(client, "groups"), 0);
}

static int
other_user(const char *unused)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *admin = mt_client_message(MT_CALL_ADMIN_ROTATE_KEY, NULL);
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;

	if (!client || status_of(client, "uid") != OTHER_UID)
		return 1;
	if (status_of(client, "groups") == 0 || status_of(client, "attested") != 0)
		return 2;
	if (mt_client_call(client, MT_CALL_ADMIN_ROTATE_KEY, admin, &reply) !=
	    MT_ERROR_ACCESS_DENIED)
		return 3;

	return 0;
}

static void
another_uid_is_another_caller_and_never_attested_over_a_bus(void **state)
{
	/* its group is the one that attests on the direct socket */
	assert_int_equal(as_uid(OTHER_UID, 1, other_user, NULL), 0);
}

static int
is_overflow_refused(const char *unused)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	struct mt_client_error error = {0};

	return client && ask(client, "now", &error) == MT_ERROR_ACCESS_DENIED ? 0 : 1;
}

static void
the_overflow_uid_is_refused_over_a_bus_too(void **state)
{
	assert_int_equal(as_uid(65534, 65534, is_overflow_refused, NULL), 0);
}

static void
calls_wait_until_the_caller_is_known_and_keep_their_order(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	DBusPendingCall *pending[20];

	for (size_t i = 0; i < MT_ARRAY_SIZE(pending); i++) {
		MT_CLEANUP(mt_dbus_message_unrefp)
		DBusMessage *call = find_call(i % 2 ? "now" : "refuse");

		assert_true(dbus_connection_send_with_reply(mt_client_connection(client), call,
							    &pending[i], 5000));
	}
	for (size_t i = 0; i < MT_ARRAY_SIZE(pending); i++) {
		DBusMessage *reply;

		dbus_pending_call_block(pending[i]);
		reply = dbus_pending_call_steal_reply(pending[i]);
		assert_int_equal(dbus_message_get_type(reply),
				 i % 2 ? DBUS_MESSAGE_TYPE_METHOD_RETURN : DBUS_MESSAGE_TYPE_ERROR);
		dbus_message_unref(reply);
		dbus_pending_call_unref(pending[i]);
	}
}

/* Waits until a counter of the server has risen by n. */
static bool
rises_by(struct mt_client *client, const char *counter, uint32_t before, uint32_t n)
{
	for (int i = 0; i < 200; i++) {
		if (status_of(client, counter) - before == n)
			return true;
		(void)usleep(10000);
	}
	return false;
}

static void
a_name_that_ends_is_gone_and_its_requests_are_cancelled(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_client_freep) struct mt_client *watcher = open_client();
	uint32_t gone = status_of(watcher, "gone"), cancelled = status_of(watcher, "cancelled");

	for (int i = 0; i < 3; i++) {
		MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = find_call("never");

		assert_true(dbus_connection_send(mt_client_connection(client), call, NULL));
	}
	assert_int_not_equal(status_of(client, "uid"), UINT32_MAX - 1);
	client = mt_client_free(client);
	assert_true(rises_by(watcher, "gone", gone, 1));
	assert_true(rises_by(watcher, "cancelled", cancelled, 3));
}

static void
a_forged_name_owner_changed_from_a_client_is_ignored(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_client_freep) struct mt_client *forger = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *forged =
		dbus_message_new_signal(DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "NameOwnerChanged");
	const char *victim = dbus_bus_get_unique_name(mt_client_connection(client));
	const char *nothing = "";
	uint32_t gone = status_of(client, "gone");

	assert_true(dbus_message_append_args(forged, DBUS_TYPE_STRING, &victim, DBUS_TYPE_STRING,
					     &victim, DBUS_TYPE_STRING, &nothing,
					     DBUS_TYPE_INVALID));
	assert_true(dbus_message_set_destination(forged, MT_BUS_NAME));
	assert_true(dbus_connection_send(mt_client_connection(forger), forged, NULL));
	assert_int_not_equal(status_of(forger, "uid"), UINT32_MAX - 1);
	assert_int_equal(status_of(client, "gone"), gone);
}

static void
signals_on_a_bus_are_unicast(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_client_freep) struct mt_client *listener = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *subscribe = mt_client_message(MT_CALL_MANAGER_SUBSCRIBE, NULL);
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *commit = mt_client_message(MT_CALL_ACCOUNT_COMMIT, ID_OF_ROOT);
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *done = NULL;
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *signal = NULL;

	/* a match rule gets broadcasts; what is sent to another name it does not get */
	dbus_bus_add_match(mt_client_connection(listener),
			   "type='signal',interface='org.freedesktop.DBus.ObjectManager'", NULL);
	assert_int_equal(mt_client_call(client, MT_CALL_MANAGER_SUBSCRIBE, subscribe, &reply), 0);
	assert_int_equal(mt_client_call(client, MT_CALL_ACCOUNT_COMMIT, commit, &done), 0);
	signal = mt_client_wait_signal(client, 5000);
	assert_non_null(signal);
	assert_true(dbus_message_has_member(signal, "InterfacesAdded"));
	assert_null(mt_client_wait_signal(listener, 100));
}

static void
more_names_than_are_remembered_are_served_all_the_same(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *first = open_client();
	struct mt_client_error error = {0};

	assert_int_equal(ask(first, "now", &error), 0);
	for (int i = 0; i < 300; i++) {
		MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();

		assert_int_equal(ask(client, "now", &error), 0);
	}
	assert_int_equal(ask(first, "now", &error), 0);
}

static void
a_name_that_is_taken_is_not_shared(void **state)
{
	struct event_base *base = event_base_new();
	static const struct mt_bus_ops ops = {server_call, server_gone, server_bus_lost};
	char message[192] = "";
	struct mt_bus *bus;

	assert_int_equal(mt_bus_new(base, &ops, NULL, &bus), 0);
	assert_int_equal(mt_bus_connect(bus, address, MT_BUS_NAME, message), MT_BUS_E_NAME_TAKEN);
	assert_int_not_equal(message[0], '\0');
	assert_int_equal(mt_bus_connect(bus, "unix:path=/nowhere/at/all", MT_BUS_NAME, message),
			 MT_BUS_E_UNREACHABLE);
	assert_false(mt_bus_is_connected(bus));
	mt_bus_free(bus);
	event_base_free(base);
}

/* Last: there is no bus after it. */
static void
without_its_bus_the_daemon_serves_the_direct_socket(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL;
	struct mt_client_error error = {0};

	assert_int_equal(mt_client_open(MT_CLIENT_SOCKET, direct, &client, &error), 0);
	assert_int_equal(kill(bus_pid, SIGTERM), 0);
	assert_int_equal(waitpid(bus_pid, NULL, 0), bus_pid);
	bus_pid = 0;
	assert_true(rises_by(client, "bus-lost", 0, 1));
	assert_int_equal(ask(client, "now", &error), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_uid_is_the_buss_word),
		cmocka_unit_test(another_uid_is_another_caller_and_never_attested_over_a_bus),
		cmocka_unit_test(the_overflow_uid_is_refused_over_a_bus_too),
		cmocka_unit_test(calls_wait_until_the_caller_is_known_and_keep_their_order),
		cmocka_unit_test(a_name_that_ends_is_gone_and_its_requests_are_cancelled),
		cmocka_unit_test(a_forged_name_owner_changed_from_a_client_is_ignored),
		cmocka_unit_test(signals_on_a_bus_are_unicast),
		cmocka_unit_test(more_names_than_are_remembered_are_served_all_the_same),
		cmocka_unit_test(a_name_that_is_taken_is_not_shared),
		cmocka_unit_test(without_its_bus_the_daemon_serves_the_direct_socket),
	};

	return cmocka_run_group_tests_name("bus", tests, setup, teardown);
}
