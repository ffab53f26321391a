/* SPDX-License-Identifier: MIT */
/* mailtrustd: options, spawner, keeper, loop, exit. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/evaluate.h"
#include "daemon/keeper.h"
#include "daemon/log.h"
#include "ipc/errors.h"

static void
on_signal(evutil_socket_t signal, short what, void *base)
{
	event_base_loopbreak(base);
}

/* Workers are started from outside of the keeper's sandbox, so the spawner comes first. */
static int
start_spawner(const struct mt_config *config, int *ret_fd)
{
	struct mt_spawner_options options = {.trust_anchors = config->trust_anchors,
					     .require_user = !config->user && !config->evaluate};
	pid_t pid;

	for (size_t i = 0; i < config->dns_forward.n; i++)
		options.dns_forward[options.n_dns_forward++] = config->dns_forward.items[i];
	for (size_t i = 0; i < config->dns_anchor.n; i++)
		options.dns_anchor[options.n_dns_anchor++] = config->dns_anchor.items[i];
	for (size_t i = 0; i < config->dns_negative_anchor.n; i++)
		options.dns_negative_anchor[options.n_dns_negative_anchor++] =
			config->dns_negative_anchor.items[i];
	return mt_spawner_start(&options, ret_fd, &pid);
}

static int
run_loop(struct event_base *base)
{
	struct event *term = evsignal_new(base, SIGTERM, on_signal, base);
	struct event *interrupt = evsignal_new(base, SIGINT, on_signal, base);
	int r = term && interrupt && event_add(term, NULL) == 0 && event_add(interrupt, NULL) == 0
			? 0
			: -ENOMEM;

	if (r == 0 && event_base_dispatch(base) < 0)
		r = -EIO;
	if (term)
		event_free(term);
	if (interrupt)
		event_free(interrupt);
	return r;
}

static int
serve(const struct mt_config *config, struct event_base *base, int control_fd)
{
	MT_CLEANUP(mt_keeper_freep) struct mt_keeper *keeper = NULL;
	struct mt_diag diag = {0};
	int r = mt_keeper_open(config, base, control_fd, &diag, &keeper);

	if (r == MT_KEEPER_E_START) {
		(void)fprintf(stderr, "mailtrustd: %s\n", diag.message);
		return MT_EXIT_INTERNAL;
	}
	if (r == 0) {
		mt_log(MT_LOG_NOTICE, "start", "serving on %s", config->socket_path);
		r = run_loop(base);
	}
	if (r)
		(void)fprintf(stderr, "mailtrustd: %s\n", strerror(-r));
	return r ? MT_EXIT_INTERNAL : MT_EXIT_OK;
}

/* What the administrator named has to be there: without anchors every server is a stranger. */
static int
find_files(const struct mt_config *config)
{
	const char *missing = NULL;

	if (config->trust_anchors && access(config->trust_anchors, R_OK) != 0)
		missing = config->trust_anchors;
	for (size_t i = 0; i < config->dns_anchor.n && !missing; i++)
		if (access(config->dns_anchor.items[i], R_OK) != 0)
			missing = config->dns_anchor.items[i];
	if (missing)
		(void)fprintf(stderr, "mailtrustd: cannot read %s: %s\n", missing, strerror(errno));
	return missing ? 1 : 0;
}

static int
run(const struct mt_config *config)
{
	struct event_base *base;
	int control_fd, status, r;

	/* Nothing this program makes is for others to read. */
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	if (find_files(config))
		return MT_EXIT_INTERNAL;
	r = start_spawner(config, &control_fd);
	if (r) {
		(void)fprintf(stderr, "mailtrustd: cannot start workers: %s\n", strerror(-r));
		return MT_EXIT_INTERNAL;
	}
	base = event_base_new();
	if (!base) {
		(void)fprintf(stderr, "mailtrustd: no event loop\n");
		return MT_EXIT_INTERNAL;
	}
	status = config->evaluate ? mt_evaluate(base, control_fd, STDIN_FILENO, stdout)
				  : serve(config, base, control_fd);
	event_base_free(base);
	return status;
}

int
main(int argc, char *argv[])
{
	struct mt_config_env env;
	struct mt_config config;
	struct mt_diag diag = {0};
	int r;

	mt_config_env_read(&env);
	r = mt_config_load(argc, argv, &env, &config, &diag);
	if (r) {
		(void)fprintf(stderr, "mailtrustd: %s\n", r > 0 ? diag.message : strerror(-r));
		return r == MT_CONFIG_E_USAGE ? MT_EXIT_USAGE : MT_EXIT_INTERNAL;
	}
	if (config.help) {
		mt_config_print_help(stdout);
		r = MT_EXIT_OK;
	} else {
		r = run(&config);
	}
	mt_config_clear(&config);
	return r;
}
