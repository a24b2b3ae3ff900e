// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* style - what the place that we print to can show */
#include "user/report/style.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_LEAST   40u
#define WIDTH_MOST    500u
#define WIDTH_DEFAULT 80

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static bool locale_is_utf8(void)
{
	const char *locale = environment("LC_ALL") ?: environment("LC_CTYPE") ?: environment("LANG");

	return locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
}

static bool wants_color(bool terminal)
{
	const char *term = environment("TERM");

	return terminal && !environment("NO_COLOR") && term && strcmp(term, "dumb") != 0;
}

struct style style_of(FILE *out)
{
	int fd = fileno(out);
	bool terminal = fd >= 0 && isatty(fd);
	const char *columns = environment("COLUMNS");
	struct style style = {
		.width = WIDTH_DEFAULT,
		.utf8 = locale_is_utf8(),
		.color = wants_color(terminal),
	};
	struct winsize size;

	if (terminal && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col) {
		style.width = size.ws_col;
		style.height = size.ws_row;
	}
	if (columns && atoi(columns) > 0)
		style.width = (unsigned int)atoi(columns);
	style.width = max(WIDTH_LEAST, min(style.width, WIDTH_MOST));
	return style;
}

const char *style_tone(const struct style *style, enum tone tone)
{
	static const char *const tones[] = {
		[TONE_PLAIN] = "\033[0m",
		[TONE_HEAD] = "\033[1m",
		[TONE_DIM] = "\033[2m",
		[TONE_WARN] = "\033[33m",
	};

	return style->color ? tones[tone] : "";
}

char *bar_of(char to[BAR_BYTES], const struct style *style, unsigned int width, u64 part, u64 whole)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	unsigned int steps = style->utf8 ? 8 : 1, filled, used;
	double share = whole ? (double)part / (double)whole : 0;
	char *at = to;

	width = min(width, BAR_WIDTH_MAX);
	filled = (unsigned int)(min(share, 1.0) * width * steps + 0.5);
	if (part && !filled)
		filled = 1;
	for (used = 0; used < filled / steps; used++)
		at = stpcpy(at, style->utf8 ? "█" : "#");
	stpcpy(at, eighths[filled % steps]);
	return to;
}

char *bar_of_parts(char to[BAR_BYTES], const struct style *style, unsigned int width,
		   const u64 parts[3], u64 whole)
{
	static const char *const fillings[2][3] = { { "#", "!", "." }, { "█", "▒", "·" } };
	u64 sum = 0;
	unsigned int used = 0;
	char *at = to;

	width = min(width, BAR_WIDTH_MAX);
	for (int part = 0; part < 3; part++) {
		unsigned int end;

		sum += parts[part];
		end = whole ? (unsigned int)((double)sum / (double)whole * width + 0.5) : 0;
		for (; used < min(end, width); used++)
			at = stpcpy(at, fillings[style->utf8][part]);
	}
	*at = 0;
	return to;
}
