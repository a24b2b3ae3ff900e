// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* what - what a thread waited for, in groups */
#include "user/model/what.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "user/model/grow.h"

static int add(struct whats *whats, u32 *number, const struct what *what)
{
	if (!grow(&whats->list, whats->count, &whats->room, sizeof(*whats->list)))
		return -ENOMEM;
	whats->list[whats->count] = *what;
	*number = ++whats->count;
	return 0;
}

static int intern(struct whats *whats, u32 *number, const struct what *what, u64 hash)
{
	u64 *slot;
	int r;

	for (u64 key = hash;; key++) {
		slot = map_put(&whats->numbers, key);
		if (!slot)
			return -ENOMEM;
		if (!*slot)
			break;
		if (!memcmp(&whats->list[*slot - 1], what, sizeof(*what))) {
			*number = (u32)*slot;
			return 0;
		}
	}
	r = add(whats, number, what);
	if (r < 0)
		return r;
	*slot = *number;
	return 0;
}

static bool is_listening(struct whats *whats, const struct event_object *object)
{
	u64 key = (u64)object->protocol << 16 | object->local_port;
	u64 *slot;

	if (object->remote_port || !object->local_port)
		return map_get(&whats->listening, key);
	slot = map_put(&whats->listening, key);
	if (slot)
		*slot = 1;
	return true;
}

static void describe_inet(struct what *what, const struct event_object *object, bool listening)
{
	what->protocol = object->protocol;
	if (!object->remote_port) {
		what->port = object->local_port;
		what->side =
			listening && object->protocol != IPPROTO_UDP ? SIDE_LISTENING : SIDE_NONE;
	} else if (listening || object->local_port < object->remote_port) {
		what->port = object->local_port;
		what->side = SIDE_ACCEPTED;
	} else {
		what->port = object->remote_port;
		what->side = SIDE_OUTGOING;
		memcpy(what->address, object->remote_address, sizeof(what->address));
	}
}

static void describe(struct what *what, struct whats *whats, const struct event_object *object)
{
	what->type = object->type < OBJECT_TYPE_COUNT ? object->type : OBJECT_ANON;
	if (object->type == OBJECT_SOCKET) {
		what->family = object->family;
		if (object->family == AF_INET || object->family == AF_INET6)
			describe_inet(what, object, is_listening(whats, object));
	} else if (object->type == OBJECT_FILE || object->type == OBJECT_DIRECTORY) {
		what->device = object->device;
	}
}

static int put_object(struct whats *whats, u32 *number, const struct timeline *tl, u32 id)
{
	u64 *cached = map_get(&whats->by_object, id);
	const struct event_object *object;
	struct what what;
	int r;

	if (cached) {
		*number = (u32)*cached;
		return 0;
	}
	object = timeline_object(tl, id);
	if (!object) {
		*number = 0; /* it may still be told */
		return 0;
	}
	memset(&what, 0, sizeof(what)); /* compared with its padding */
	describe(&what, whats, object);
	r = intern(whats, number, &what, hash_bytes(&what, sizeof(what)));
	if (r < 0)
		return r;
	cached = map_put(&whats->by_object, id);
	if (!cached)
		return -ENOMEM;
	*cached = *number;
	return 0;
}

int whats_put(struct whats *whats, u32 *number, const struct timeline *timeline,
	      const struct thread *thread, const struct wait *wait)
{
	struct what what;

	if (wait->object)
		return put_object(whats, number, timeline, wait->object);
	if (!wait->address) {
		*number = 0;
		return 0;
	}
	memset(&what, 0, sizeof(what));
	what.futex = wait->address;
	what.process = thread->process->id;
	return intern(whats, number, &what, wait->address ^ hash_u64(what.process));
}

const struct what *whats_get(const struct whats *whats, u32 number)
{
	static const struct what nothing;

	return number && number <= whats->count ? &whats->list[number - 1] : &nothing;
}

void whats_free(struct whats *whats)
{
	free(whats->list);
	map_free(&whats->numbers);
	map_free(&whats->by_object);
	map_free(&whats->listening);
	*whats = (struct whats){ 0 };
}

static const char *protocol_name(u16 protocol, char room[16])
{
	switch (protocol) {
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_ICMP: return "icmp";
	default: snprintf(room, 16, "ip %u", protocol); return room;
	}
}

static void inet_text(char to[WHAT_TEXT_MAX], const struct what *what)
{
	char address[INET6_ADDRSTRLEN] = "?", room[16];
	const char *protocol = protocol_name(what->protocol, room);
	bool v6 = what->family == AF_INET6;

	switch (what->side) {
	case SIDE_LISTENING:
		snprintf(to, WHAT_TEXT_MAX, "%s :%u listening", protocol, what->port);
		break;
	case SIDE_ACCEPTED:
		snprintf(to, WHAT_TEXT_MAX, "%s :%u <- clients", protocol, what->port);
		break;
	case SIDE_OUTGOING:
		inet_ntop(what->family, what->address, address, sizeof(address));
		snprintf(to, WHAT_TEXT_MAX, v6 ? "%s -> [%s]:%u" : "%s -> %s:%u", protocol, address,
			 what->port);
		break;
	default:
		snprintf(to, WHAT_TEXT_MAX, what->port ? "%s :%u" : "%s socket", protocol,
			 what->port);
	}
}

char *what_text(char to[WHAT_TEXT_MAX], const struct what *what)
{
	to[0] = 0;
	if (what->futex)
		snprintf(to, WHAT_TEXT_MAX, "futex 0x%llx", (unsigned long long)what->futex);
	else if (what->type == OBJECT_NONE)
		return to;
	else if (what->family == AF_INET || what->family == AF_INET6)
		inet_text(to, what);
	else if (what->family == AF_UNIX)
		snprintf(to, WHAT_TEXT_MAX, "unix socket");
	else if (what->family == AF_NETLINK)
		snprintf(to, WHAT_TEXT_MAX, "netlink socket");
	else if (what->family)
		snprintf(to, WHAT_TEXT_MAX, "socket of family %u", what->family);
	else if (what->device)
		snprintf(to, WHAT_TEXT_MAX, "%s on %u:%u", object_type_name(what->type),
			 what->device >> 20, what->device & 0xfffff);
	else
		snprintf(to, WHAT_TEXT_MAX, "%s", object_type_name(what->type));
	return to;
}
