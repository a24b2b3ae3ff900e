// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* doctor - tells what this kernel and this user allow */
#include "user/record/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "user/base/json.h"
#include "user/cli/command.h"

#define NAME_COLUMNS 12

struct doctor_options {
	bool json;
};

static const struct option_spec doctor_options[] = {
	{ "json", 0, OPTION_FLAG, offsetof(struct doctor_options, json), NULL,
	  "print one JSON object" },
	{ 0 },
};

static void print_fact(const struct fact *fact)
{
	static const char *const marks[] = {
		[FACT_OK] = "ok",
		[FACT_UNKNOWN] = "?",
		[FACT_WARNING] = "WARNING",
		[FACT_PROBLEM] = "PROBLEM",
	};

	printf("%-8s %-*s %s\n", marks[fact->state], NAME_COLUMNS, fact->name, fact->found);
	if (fact->means[0])
		printf("%*s which means: %s\n", 8 + NAME_COLUMNS + 1, "", fact->means);
	if (fact->advice[0])
		printf("%*s what to do:  %s\n", 8 + NAME_COLUMNS + 1, "", fact->advice);
}

static void print_text(const struct doctor *doctor)
{
	size_t problems = 0, warnings = 0;

	for (size_t i = 0; i < doctor->count; i++) {
		print_fact(&doctor->facts[i]);
		problems += doctor->facts[i].state == FACT_PROBLEM;
		warnings += doctor->facts[i].state == FACT_WARNING;
	}
	if (problems)
		printf("\nRecording does not work here: %zu problem%s.\n", problems,
		       problems == 1 ? "" : "s");
	else
		printf("\nRecording works here%s.\n", warnings ? ", see the warnings" : "");
}

static void print_json(const struct doctor *doctor)
{
	struct json j = { .out = stdout };

	json_object(&j);
	json_key_bool(&j, "works", doctor_works(doctor));
	json_key(&j, "doctor");
	json_list(&j);
	for (size_t i = 0; i < doctor->count; i++) {
		const struct fact *fact = &doctor->facts[i];

		json_object(&j);
		json_key_text(&j, "fact", fact->name);
		json_key_text(&j, "state", fact_state_name(fact->state));
		json_key_text(&j, "found", fact->found);
		json_key_text(&j, "means", fact->means);
		json_key_text(&j, "advice", fact->advice);
		json_object_end(&j);
	}
	json_list_end(&j);
	json_object_end(&j);
	putchar('\n');
}

static int doctor_run(void *options, char **args, int count, struct err *err)
{
	const struct doctor_options *opts = options;
	struct doctor doctor;

	if (count) {
		fail(err, -EINVAL, "doctor does not expect '%s'", args[0]);
		return hint(err, "try: tracer doctor");
	}
	doctor_examine(&doctor);
	if (opts->json)
		print_json(&doctor);
	else
		print_text(&doctor);
	return doctor_works(&doctor) ? 0 : 1;
}

const struct command doctor_command = {
	.name = "doctor",
	.usage = "[--json]",
	.summary = "tell what this kernel and this user allow, and what to do about it",
	.details =
		"Looks at the kernel, the rights, the limits, and tries what a recording needs with\n"
		"programs that do nothing. Changes nothing and leaves nothing behind. Run it as the\n"
		"user who is going to record:\n"
		"\n"
		"  sudo tracer doctor\n"
		"\n"
		"Exit status: 0 recording works, 1 it does not.\n",
	.options = doctor_options,
	.options_bytes = sizeof(struct doctor_options),
	.run = doctor_run,
};
