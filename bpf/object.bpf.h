/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * object - what a file descriptor refers to, and so what kind of wait a call on it is
 *
 * Looked up only when a thread blocks. An object is described once, in an EVENT_OBJECT, and
 * has a number from then on; a map from the kernel's pointers to the numbers finds it again.
 * Pointers are reused, so the inode number belongs to the key and, for a socket, addresses and
 * ports are compared: a socket that was connected since is another object.
 *
 * In front of the map, each CPU keeps those that it has seen last where no hash has to be
 * computed and no lock to be taken.
 */
#ifndef TRACER_BPF_OBJECT_H
#define TRACER_BPF_OBJECT_H

#include <bpf/bpf_endian.h>

#include "bpf/emit.bpf.h"

#define S_IFMT	 0170000
#define S_IFSOCK 0140000
#define S_IFREG	 0100000
#define S_IFBLK	 0060000
#define S_IFDIR	 0040000
#define S_IFCHR	 0020000
#define S_IFIFO	 0010000

#define AF_INET	 2
#define AF_INET6 10

#define ANON_INODE_MAGIC 0x09041934
#define MQUEUE_MAGIC	 0x19800202
#define PIDFS_MAGIC	 0x50494446

#define KERNEL_MAJOR(dev) ((dev) >> 20)
#define TTY_MAJOR	  4
#define TTYAUX_MAJOR	  5
#define PTY_MASTER_MAJOR  128
#define PTY_SLAVE_END	  143

struct object_key {
	u64 file;
	u64 inode;
	u64 number;	/* of the inode */
};

/* What tells one connection from another, as it lies at the head of struct sock_common */
struct object_peer {
	__be32 remote;
	__be32 local;
	u32 hash;	/* the kernel's own: not compared */
	u32 ports;
};

struct object {
	u32 id;
	u8 type;
	u8 spare[3];
	u64 sock;
	struct object_peer peer;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OBJECTS_MAX);
	__type(key, struct object_key);
	__type(value, struct object);
} objects SEC(".maps") __weak;

/* Changed only on its CPU and while interrupts are off */
struct object_near {
	struct object_key key;
	struct object object;
};

/* OBJECTS_NEAR for each CPU: its size is set by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OBJECTS_NEAR);
	__type(key, u32);
	__type(value, struct object_near);
} objects_near SEC(".maps") __weak;

/* Where the file of a descriptor is noted; 0: there is no such descriptor. */
static __always_inline u64 file_address(struct task_struct *thread, u32 fd)
{
	struct fdtable *table = thread->files->fdt;
	u64 files = 0;

	if (!table || fd >= table->max_fds)
		return 0;
	/* Loaded like the others it is a pointer, no number, to the verifiers of newer kernels. */
	bpf_core_read(&files, sizeof(files), &table->fd);
	return files + fd * sizeof(struct file *);
}

static __always_inline void peer_read(struct object_peer *peer, struct sock *sock)
{
	u32 head = bpf_core_field_offset(struct sock_common, skc_daddr);

	/* One reading instead of four, where they lie together: in all kernels up to now */
	if (bpf_core_field_offset(struct sock_common, skc_rcv_saddr) == head + 4 &&
	    bpf_core_field_offset(struct sock_common, skc_dport) == head + 12 &&
	    bpf_core_field_offset(struct sock_common, skc_num) == head + 14) {
		bpf_probe_read_kernel(peer, sizeof(*peer),
				      (void *)sock + bpf_core_field_offset(struct sock, __sk_common) +
					      head);
		return;
	}
	peer->remote = BPF_CORE_READ(sock, __sk_common.skc_daddr);
	peer->local = BPF_CORE_READ(sock, __sk_common.skc_rcv_saddr);
	peer->ports = (u32)BPF_CORE_READ(sock, __sk_common.skc_num) << 16 |
		      BPF_CORE_READ(sock, __sk_common.skc_dport);
}

static __always_inline bool peer_is(const struct object_peer *a, const struct object_peer *b)
{
	return a->remote == b->remote && a->local == b->local && a->ports == b->ports;
}

/* "[eventpoll]" and the like: what the kernel calls an inode that has no file */
static __always_inline u8 anonymous_type(struct file *file)
{
	const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	char text[8] = {};

	bpf_probe_read_kernel(text, sizeof(text), name);
	if (text[0] != '[')
		return text[0] == 'i' && text[2] == 'o' ? OBJECT_INOTIFY : OBJECT_ANON;
	switch (text[1]) {
	case 'e':	/* [eventpoll], [eventfd] */
		return text[6] == 'p' ? OBJECT_EPOLL : OBJECT_EVENTFD;
	case 't':
		return OBJECT_TIMERFD;
	case 's':
		return OBJECT_SIGNALFD;
	case 'p':	/* [pidfd], [perf_event] */
		return text[2] == 'i' ? OBJECT_PIDFD : OBJECT_ANON;
	case 'i':	/* [io_uring] */
		return text[2] == 'o' ? OBJECT_IO_URING : OBJECT_ANON;
	default:
		return OBJECT_ANON;
	}
}

static __always_inline u8 object_type_of(struct file *file, struct inode *inode)
{
	unsigned long magic = BPF_CORE_READ(inode, i_sb, s_magic);
	u32 mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	u32 major;

	/* Anonymous inodes say S_IFREG from 6.16 on: ask the file system first. */
	if (magic == ANON_INODE_MAGIC)
		return anonymous_type(file);
	if (magic == PIDFS_MAGIC)
		return OBJECT_PIDFD;
	if (magic == MQUEUE_MAGIC)
		return OBJECT_MQUEUE;
	switch (mode) {
	case S_IFSOCK:
		return OBJECT_SOCKET;
	case S_IFIFO:
		return OBJECT_PIPE;
	case S_IFREG:
		return OBJECT_FILE;
	case S_IFDIR:
		return OBJECT_DIRECTORY;
	case S_IFBLK:
		return OBJECT_BLOCK;
	case S_IFCHR:
		major = KERNEL_MAJOR(BPF_CORE_READ(inode, i_rdev));
		if (major == TTY_MAJOR || major == TTYAUX_MAJOR ||
		    (major >= PTY_MASTER_MAJOR && major <= PTY_SLAVE_END))
			return OBJECT_TTY;
		return OBJECT_CHAR;
	default:
		return OBJECT_ANON;
	}
}

static __always_inline void describe_socket(struct event_object *to, struct sock *sock)
{
	to->family = BPF_CORE_READ(sock, __sk_common.skc_family);
	to->protocol = BPF_CORE_READ(sock, sk_protocol);
	if (to->family != AF_INET && to->family != AF_INET6)
		return;
	to->local_port = BPF_CORE_READ(sock, __sk_common.skc_num);
	to->remote_port = bpf_ntohs(BPF_CORE_READ(sock, __sk_common.skc_dport));
	if (to->family == AF_INET) {
		*(__be32 *)to->local_address = BPF_CORE_READ(sock, __sk_common.skc_rcv_saddr);
		*(__be32 *)to->remote_address = BPF_CORE_READ(sock, __sk_common.skc_daddr);
		return;
	}
	bpf_core_read(to->local_address, 16, &sock->__sk_common.skc_v6_rcv_saddr);
	bpf_core_read(to->remote_address, 16, &sock->__sk_common.skc_v6_daddr);
}

/* A new object: described in the ring, then found in the map. Return: its id, 0 on loss. */
static __always_inline u32 object_announce(struct object_key *key, struct object *object, u64 now)
{
	const u32 bytes = event_bytes(struct event_object);
	struct inode *inode = (struct inode *)key->inode;
	struct cpu_state *cpu = cpu_here();
	struct event_object *to;
	u64 *record;

	record = event_reserve(cpu, CLASS_OBJECT, bytes, now);
	if (!record)
		return 0;
	to = event_body(record, struct event_object);
	__builtin_memset(to, 0, sizeof(*to));
	object->id = __sync_fetch_and_add(&shared.control.object_id, 1) + 1;
	to->id = object->id;
	to->type = object->type;
	to->inode = key->number;
	to->device = BPF_CORE_READ(inode, i_sb, s_dev);
	if (object->sock)
		describe_socket(to, (struct sock *)object->sock);
	event_submit(record, EVENT_OBJECT, bytes, now);
	bpf_map_update_elem(&objects, key, object, BPF_ANY);
	return object->id;
}

#define OBJECT_ID(object)   ((u32)(object))
#define OBJECT_TYPE(object) ((u8)((object) >> 32))

static __always_inline u64 object_result(const struct object *object)
{
	return (u64)object->type << 32 | object->id;
}

static __always_inline struct object_near *near_slot(u64 file)
{
	/* Files lie at multiples of 64 at least. */
	u32 slot = ((file >> 6) * 0x9e3779b97f4a7c15ull >> 32) & (OBJECTS_NEAR - 1);
	u32 at = bpf_get_smp_processor_id() * OBJECTS_NEAR + slot;

	return bpf_map_lookup_elem(&objects_near, &at);
}

/* The same object still? @object: its peer is read anew, if it has one */
static __always_inline bool is_still(struct object *object, const struct object *known)
{
	object->type = known->type;
	object->sock = known->sock;
	if (object->sock) {
		peer_read(&object->peer, (struct sock *)object->sock);
		if (!peer_is(&object->peer, &known->peer))
			return false;
	}
	object->id = known->id;
	return true;
}

static __always_inline void object_learn(struct object *object, struct object_key *key)
{
	struct file *file = (struct file *)key->file;
	struct socket *socket;

	object->type = object_type_of(file, (struct inode *)key->inode);
	if (object->type != OBJECT_SOCKET)
		return;
	socket = BPF_CORE_READ(file, private_data);
	object->sock = (u64)BPF_CORE_READ(socket, sk);
	if (object->sock)
		peer_read(&object->peer, (struct sock *)object->sock);
}

/* See object_of(). @direct: the program may use direct_pointer() */
static __always_inline u64 object_find(u64 at, u64 now, u32 here, bool direct)
{
	struct object object = {}, *known;
	struct object_near *near = NULL;
	struct object_key key = {};
	struct inode *inode;
	struct file *file;

	if (at)
		key.file = kernel_word(at, direct);
	if (!key.file)
		return (u64)OBJECT_BAD_FD << 32;
	if (direct) {
		inode = direct_pointer(struct file, key.file)->f_inode;
		key.number = inode->i_ino;
	} else {
		file = (struct file *)key.file;
		inode = BPF_CORE_READ(file, f_inode);
		key.number = BPF_CORE_READ(inode, i_ino);
	}
	key.inode = (u64)inode;

	if (here)
		near = near_slot(key.file);
	if (near && near->key.file == key.file && near->key.inode == key.inode &&
	    near->key.number == key.number && is_still(&object, &near->object))
		return object_result(&object);

	known = bpf_map_lookup_elem(&objects, &key);
	if (!known)
		object_learn(&object, &key);
	if (!known || !is_still(&object, known))
		object.id = object_announce(&key, &object, now);
	if (near && object.id) {
		near->key = key;
		near->object = object;
	}
	return object_result(&object);
}

/*
 * object_of() - the object behind a descriptor of a thread
 * @at:	  file_address() of the descriptor
 * @here: the caller is the switch of the running thread: nothing interrupts it
 *
 * A function that the verifier looks at once, whoever calls it: so it takes and returns
 * numbers only. Inlined, it made on_sched_switch() take a second to load.
 *
 * Return: OBJECT_ID() and OBJECT_TYPE(); the id is 0 when the descriptor is not open or the
 * ring was full.
 */
__weak __noinline u64 object_of(u64 at, u64 now, u32 here)
{
	return object_find(at, now, here, false);
}

static __always_inline u8 object_wait_kind(u8 type)
{
	switch (type) {
	case OBJECT_SOCKET:
		return WAIT_NETWORK;
	case OBJECT_PIPE:
	case OBJECT_MQUEUE:
		return WAIT_PIPE;
	case OBJECT_FILE:
	case OBJECT_DIRECTORY:
	case OBJECT_BLOCK:
		return WAIT_DISK;
	case OBJECT_EPOLL:
	case OBJECT_IO_URING:
	case OBJECT_INOTIFY:
		return WAIT_POLL;
	case OBJECT_EVENTFD:
		return WAIT_SYNC;
	case OBJECT_TIMERFD:
		return WAIT_SLEEP;
	case OBJECT_PIDFD:
		return WAIT_CHILD;
	default:
		return WAIT_OTHER;
	}
}

#define NO_DESCRIPTOR (~0ull)

/*
 * As object_of(), for the switch of the running thread on kernels that allow it. In sched.bpf.c:
 * the linker wants no more than one object to know the kernel's function.
 */
u64 object_here(u64 at, u64 now);

static __always_inline u64 object_either(u64 at, u64 now, bool here, bool direct)
{
	return direct ? object_here(at, now) : object_of(at, now, here);
}

/* One descriptor, or two: of two, the one that is no file decides */
static __always_inline u64 objects_of(u64 first, u64 second, u64 now, bool here, bool direct)
{
	u64 one = object_either(first, now, here, direct), other;

	if (second == NO_DESCRIPTOR || object_wait_kind(OBJECT_TYPE(one)) == WAIT_NETWORK)
		return one;
	other = object_either(second, now, here, direct);
	return object_wait_kind(OBJECT_TYPE(other)) == WAIT_DISK ? one : other;
}

#endif
