// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* commands - the list of all commands, in the order of `tracer --help` */
#include "user/cli/command.h"

const struct command *const commands[] = {
	&record_command, &flight_command, &snapshot_command,
	&status_command, &stop_command,   &recover_command,
	&report_command, &pprof_command,  &flame_command,
	&export_command, &sql_command,    &serve_command,
	&dump_command,   &check_command,  &probes_command,
	&doctor_command, &help_command,   NULL,
};
