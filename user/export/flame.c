// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* flame - a flame graph: one SVG file that a browser opens, with search and zoom, off-line */
#include "user/export/flame.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gen/flame.css.h"
#include "gen/flame.js.h"
#include "user/base/text.h"
#include "user/model/grow.h"

#define WIDTH        1200.0 /* pixels, unless the window is smaller */
#define ROW_PIXELS   17
#define TOP_PIXELS   76
#define LEAST_PIXELS 0.1
#define LETTER       6.6       /* of 11 pixels, monospaced */
#define NODES_MAX    (1 << 20) /* 120 MiB; beyond, stacks end early */
#define PURE         0.9       /* of the time, to have the colour of one kind */

struct node {
	u32 name;  /* names_text() */
	u32 first; /* child: number + 1 */
	u32 next;  /* sibling */
	bool kernel;
	u64 ns;
	u64 count;
	u64 kind_ns[WAIT_KIND_COUNT];
};

struct flame {
	const struct tally *tally;
	FILE *out;
	struct names names;
	u32 *frame_names;   /* by frame: names_text() */
	struct node *nodes; /* 0 is the root */
	u32 count;
	u32 room;
	struct map children; /* hash of parent and name -> number + 1 */
	u32 depth;           /* of the deepest node that is shown */
	u64 narrow;          /* nodes that are not */
	bool processes;      /* there are several: the first row is theirs */
};

/* For SVG: a name may hold anything. Characters that XML does not have become '?'. */
static void put_text(FILE *out, const char *text)
{
	for (size_t length; *text; text += length) {
		length = utf8_length(text, strlen(text));
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else if (!length || (u8)*text < ' ' || !strncmp(text, "\xef\xbf\xbe", 3) ||
			 !strncmp(text, "\xef\xbf\xbf", 3))
			fputc('?', out);
		else
			fwrite(text, 1, length, out);
		length = max(length, (size_t)1);
	}
}

static bool is_full(const struct flame *flame, u32 parent, u32 name)
{
	return flame->count >= NODES_MAX && !map_get(&flame->children, (u64)parent << 32 | name);
}

/* The child @name of node @parent, made when there is none. Return: its number; 0: no memory. */
static u32 child_of(struct flame *flame, u32 parent, u32 name)
{
	u64 key = (u64)parent << 32 | name, *slot = map_put(&flame->children, key);

	if (!slot)
		return 0;
	if (*slot)
		return (u32)*slot - 1;
	if (!grow(&flame->nodes, flame->count, &flame->room, sizeof(*flame->nodes)))
		return 0;
	flame->nodes[flame->count] = (struct node){
		.name = name,
		.next = flame->nodes[parent].first,
	};
	flame->nodes[parent].first = flame->count + 1;
	*slot = flame->count + 1;
	return flame->count++;
}

static void charge(struct flame *flame, u32 number, const struct profile_row *row)
{
	struct node *node = &flame->nodes[number];

	node->ns += row->ns;
	node->count += row->count;
	node->kind_ns[row->kind] += row->ns;
}

static u32 process_node(struct flame *flame, const struct profile_row *row)
{
	const struct thread *thread = tally_thread(flame->tally, row);
	char name[EVENT_COMM_BYTES * 4 + 32] = "[other]", comm[EVENT_COMM_BYTES * 4];
	u32 number;

	if (thread) {
		text_printable(comm, sizeof(comm),
			       process_name(flame->tally->timeline, thread->process));
		snprintf(name, sizeof(name), "%s (%u)", comm, thread->process->pid);
	}
	if (names_put(&flame->names, &number, name, strlen(name)) < 0)
		return 0;
	number = child_of(flame, 0, number);
	if (number)
		charge(flame, number, row);
	return number;
}

static int add_row(struct flame *flame, const struct profile_row *row)
{
	const struct tally_list frames = tally_frames(flame->tally, row);
	u32 node = 0;

	charge(flame, 0, row);
	if (flame->processes) {
		node = process_node(flame, row);
		if (!node)
			return -ENOMEM;
	}
	for (u32 i = frames.count; i-- > 0;) {
		u32 frame = frames.numbers[i];

		if (is_full(flame, node, flame->frame_names[frame])) {
			flame->narrow += i + 1;
			break;
		}
		node = child_of(flame, node, flame->frame_names[frame]);
		if (!node)
			return -ENOMEM;
		flame->nodes[node].kernel |= flame->tally->list[frame].kernel;
		charge(flame, node, row);
	}
	return 0;
}

static int name_frames(struct flame *flame)
{
	const struct tally *tally = flame->tally;
	char text[SYMBOLS_TEXT_MAX];
	int r = 0;

	flame->frame_names = calloc(tally->count + 1, sizeof(*flame->frame_names));
	if (!flame->frame_names)
		return -ENOMEM;
	for (u32 i = 0; i < tally->count && r >= 0; i++) {
		symbols_line_text(text, &tally->list[i].symbol);
		r = names_put(&flame->names, &flame->frame_names[i], text, strlen(text));
	}
	return r;
}

static bool has_processes(const struct tally *tally)
{
	const struct process *first = NULL;

	for (u32 i = 0; i < tally->profile.count; i++) {
		const struct thread *thread = tally_thread(tally, &tally->profile.rows[i]);

		if (thread && first && thread->process != first)
			return true;
		first = thread ? thread->process : first;
	}
	return false;
}

static int build(struct flame *flame)
{
	int r = name_frames(flame);

	if (r >= 0)
		r = names_put(&flame->names, &(u32){ 0 }, "all", 3);
	if (r < 0 || !grow(&flame->nodes, 0, &flame->room, sizeof(*flame->nodes)))
		return -ENOMEM;
	flame->nodes[0] = (struct node){ 0 };
	flame->count = 1;
	flame->processes = has_processes(flame->tally);
	for (u32 i = 0; i < flame->tally->profile.count && !r; i++)
		r = add_row(flame, &flame->tally->profile.rows[i]);
	return r;
}

static const char *colour_of(const struct flame *flame, const struct node *node)
{
	const struct profile_kind *kind = flame->tally->profile.kind;

	if (kind->cpu || kind->sched)
		return kind->cpu ? "cpu" : "sched";
	for (int i = 0; i < WAIT_KIND_COUNT; i++)
		if ((double)node->kind_ns[i] >= PURE * (double)node->ns)
			return wait_kind_name(i);
	return "mixed";
}

/* What @count is a number of */
static const char *counted(const struct flame *flame, u64 count)
{
	const struct profile_kind *kind = flame->tally->profile.kind;

	if (kind->cpu)
		return count == 1 ? "sample" : "samples";
	if (kind->sched)
		return count == 1 ? "scheduler wait" : "scheduler waits";
	return count == 1 ? "wait" : "waits";
}

static const char *node_name(const struct flame *flame, const struct node *node)
{
	return node == flame->nodes ? "all" : names_text(&flame->names, node->name);
}

/* Name, time, share and counts, one a line */
static void put_title(const struct flame *flame, const struct node *node)
{
	char share[TEXT_MAX], duration[TEXT_MAX], ns[TEXT_MAX], count[TEXT_MAX];

	fputs("<title>", flame->out);
	put_text(flame->out, node_name(flame, node));
	fprintf(flame->out, "\n%s (%s ns), ", text_duration(duration, node->ns),
		text_count(ns, node->ns));
	put_text(flame->out, text_share(share, node->ns, flame->nodes[0].ns));
	fprintf(flame->out, "\n%s %s", text_count(count, node->count), counted(flame, node->count));
	for (int i = 0; i < WAIT_KIND_COUNT && flame->tally->profile.kind->waits; i++) {
		if (!node->kind_ns[i])
			continue;
		fprintf(flame->out, "\n%s ", wait_kind_name(i));
		put_text(flame->out, text_share(share, node->kind_ns[i], node->ns)); /* "<0.1 %" */
	}
	fputs("</title>", flame->out);
}

/* As much of the name as fits; the script does the same when it zooms. */
static void put_label(const struct flame *flame, const struct node *node, double x, double width,
		      int y)
{
	const char *name = node_name(flame, node), *at = name;
	int letters = (int)((width - 6) / LETTER);
	char part[SYMBOLS_TEXT_MAX];

	if (letters < 3)
		return;
	for (int i = 0; *at && i < letters - 1; i++)
		at += max(utf8_length(at, strlen(at)), (size_t)1);
	fprintf(flame->out, "<text x=\"%.2f\" y=\"%d\">", x + 3, y + 12);
	if (!*at || !at[max(utf8_length(at, strlen(at)), (size_t)1)]) {
		put_text(flame->out, name);
	} else {
		snprintf(part, sizeof(part), "%.*s…", (int)(at - name), name);
		put_text(flame->out, part);
	}
	fputs("</text>", flame->out);
}

static void put_box(const struct flame *flame, const struct node *node, double x, double width,
		    u32 depth)
{
	int y = TOP_PIXELS + (int)depth * ROW_PIXELS;

	fprintf(flame->out, "<g%s>", node->kernel ? " class=\"kernel\"" : "");
	put_title(flame, node);
	fprintf(flame->out,
		"<rect class=\"%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" rx=\"2\"/>",
		colour_of(flame, node), x, y, width, ROW_PIXELS - 1);
	put_label(flame, node, x, width, y);
	fputs("</g>\n", flame->out);
}

struct sibling {
	u32 node;
	u64 ns;
};

static int compare_siblings(const void *left, const void *right)
{
	const struct sibling *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return a->node < b->node ? -1 : a->node > b->node;
}

/* The children of a node, the longest first. @list is to be freed. */
static int list_children(struct sibling **list, u32 *count, const struct flame *flame, u32 parent)
{
	u32 used = 0, room = 0;

	*list = NULL;
	for (u32 child = flame->nodes[parent].first; child; child = flame->nodes[child - 1].next) {
		if (!grow(list, used, &room, sizeof(**list)))
			return -ENOMEM;
		(*list)[used++] = (struct sibling){ child - 1, flame->nodes[child - 1].ns };
	}
	if (used)
		qsort(*list, used, sizeof(**list), compare_siblings);
	*count = used;
	return 0;
}

static u64 count_below(const struct flame *flame, u32 number)
{
	u64 count = 1;

	for (u32 child = flame->nodes[number].first; child; child = flame->nodes[child - 1].next)
		count += count_below(flame, child - 1);
	return count;
}

/* Depth is that of a stack: what can be recorded is bounded, and so is this. */
static int put_nodes(struct flame *flame, u32 number, u64 before_ns, u32 depth)
{
	const struct node *node = &flame->nodes[number];
	double scale = WIDTH / (double)flame->nodes[0].ns;
	CLEANUP(free) struct sibling *children = NULL;
	u32 count = 0;
	int r;

	if ((double)node->ns * scale < LEAST_PIXELS) {
		flame->narrow += count_below(flame, number);
		return 0;
	}
	put_box(flame, node, (double)before_ns * scale, (double)node->ns * scale, depth);
	r = list_children(&children, &count, flame, number);
	for (u32 i = 0; i < count && !r; i++) {
		r = put_nodes(flame, children[i].node, before_ns, depth + 1);
		before_ns += children[i].ns;
	}
	return r;
}

static u32 depth_of(const struct flame *flame, u32 number)
{
	double scale = WIDTH / (double)max(flame->nodes[0].ns, (u64)1);
	u32 deepest = 0;

	if ((double)flame->nodes[number].ns * scale < LEAST_PIXELS)
		return 0;
	for (u32 child = flame->nodes[number].first; child; child = flame->nodes[child - 1].next)
		deepest = max(deepest, depth_of(flame, child - 1));
	return deepest + 1;
}

static void put_legend(const struct flame *flame)
{
	const struct node *root = &flame->nodes[0];
	char share[TEXT_MAX];
	int x = 0;

	fputs("<g id=\"legend\">", flame->out);
	for (int i = 0; i < WAIT_KIND_COUNT && flame->tally->profile.kind->waits; i++) {
		const char *name = wait_kind_name(i);

		if (!root->kind_ns[i])
			continue;
		text_share(share, root->kind_ns[i], root->ns);
		fprintf(flame->out,
			"<rect class=\"%s\" x=\"%d\" y=\"54\" width=\"10\" height=\"10\" rx=\"2\"/>"
			"<text x=\"%d\" y=\"63\">%s ",
			name, x, x + 14, name);
		put_text(flame->out, share);
		fputs("</text>", flame->out);
		x += (int)((double)(strlen(name) + text_columns(share) + 1) * LETTER) + 28;
	}
	fputs("</g>\n", flame->out);
}

static void put_head(const struct flame *flame, u32 rows)
{
	const struct tally *tally = flame->tally;
	int height = TOP_PIXELS + (int)rows * ROW_PIXELS + 40;
	char duration[TEXT_MAX], count[TEXT_MAX];

	fprintf(flame->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%d\" "
		"viewBox=\"0 0 %.0f %d\" data-width=\"%.0f\">\n<style>\n%s</style>\n",
		WIDTH + 20, height, WIDTH + 20, height, WIDTH, flame_css);
	fprintf(flame->out, "<g transform=\"translate(10 0)\">\n<text id=\"head\" y=\"22\">");
	put_text(flame->out, tally->info ? tally->info->target : "");
	fprintf(flame->out, ": %s in %s %s", text_duration(duration, flame->nodes[0].ns),
		text_count(count, flame->nodes[0].count), counted(flame, flame->nodes[0].count));
	if (tally->profile.kind->waits && strcmp(tally->profile.kind->name, "wait"))
		fprintf(flame->out, " (%s)", tally->profile.kind->name);
	fputs("</text>\n", flame->out);
	fprintf(flame->out,
		"<text id=\"note\" y=\"41\">callers above; wider is longer%s%s%s</text>\n",
		tally_has_stacks(tally) ? "" : "; no stacks were recorded",
		tally->truncated ? "; some stacks do not reach their root" : "",
		tally_is_lower_bound(tally) ? "; events were lost, times are a lower bound" : "");
	/* Tools are for who has the script. */
	fprintf(flame->out,
		"<g id=\"tools\" style=\"display:none\"><text id=\"reset\" x=\"%.0f\" y=\"22\">reset "
		"zoom</text>"
		"<foreignObject x=\"%.0f\" y=\"6\" width=\"192\" height=\"24\"><input "
		"xmlns=\"http://www.w3.org/1999/xhtml\" id=\"search\" type=\"search\" "
		"placeholder=\"search\"/></foreignObject>"
		"<text id=\"found\" x=\"%.0f\" y=\"45\"></text></g>\n",
		WIDTH - 290, WIDTH - 192, WIDTH - 192);
}

static int put_all(struct flame *flame)
{
	u32 rows = depth_of(flame, 0);
	char count[TEXT_MAX];
	int r = 0;

	put_head(flame, rows);
	put_legend(flame);
	fputs("<g id=\"flames\">\n", flame->out);
	if (flame->nodes[0].ns)
		r = put_nodes(flame, 0, 0, 0);
	fprintf(flame->out, "</g>\n<text id=\"detail\" y=\"%d\"></text>\n",
		TOP_PIXELS + (int)rows * ROW_PIXELS + 14);
	if (!flame->nodes[0].ns)
		fprintf(flame->out, "<text y=\"%d\">nothing of that kind was recorded</text>\n",
			TOP_PIXELS + 12);
	if (flame->narrow)
		fprintf(flame->out,
			"<text id=\"narrow\" y=\"%d\">%s frames are too narrow to be shown</text>\n",
			TOP_PIXELS + (int)rows * ROW_PIXELS + 30, text_count(count, flame->narrow));
	fprintf(flame->out, "</g>\n<script><![CDATA[\n%s]]></script>\n</svg>\n", flame_js);
	return r;
}

static void flame_free(struct flame *flame)
{
	names_free(&flame->names);
	map_free(&flame->children);
	free(flame->frame_names);
	free(flame->nodes);
}

int flame_write(FILE *out, const struct tally *tally, struct err *err)
{
	struct flame flame = { .tally = tally, .out = out };
	int r = build(&flame);

	if (r >= 0)
		r = put_all(&flame);
	flame_free(&flame);
	errno = 0;
	if (!r && (fflush(out) || ferror(out)))
		r = errno ? -errno : -EIO;
	return r < 0 ? fail(err, r, "cannot write the flame graph: %s", strerror(-r)) : 0;
}
