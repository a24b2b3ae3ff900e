// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* probes_blocked - the threads that still wait, listed by the kernel side */
#include "user/record/probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "bpf/tracer.skel.h"

u32 probes_find_blocked(struct probes *probes, struct blocked_thread *threads, u32 most)
{
	struct bpf_program *program = probes->bpf->progs.blocked_threads;
	size_t room = most * sizeof(*threads), filled = 0;
	struct bpf_link *link;
	int fd;

	if (!bpf_program__autoload(program))
		return 0;
	link = bpf_program__attach_iter(program, NULL);
	if (!link)
		return 0;
	fd = bpf_iter_create(bpf_link__fd(link));
	while (fd >= 0 && filled < room) {
		ssize_t n = read(fd, (char *)threads + filled, room - filled);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			break;
		filled += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return (u32)(filled / sizeof(*threads));
}
