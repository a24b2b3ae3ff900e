// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * named_cpp - waits in functions of C++, and in ones with the names that Rust gives
 *
 * Rust's names are those that its compiler writes; the functions are C++, since nothing else in
 * a test needs a Rust compiler.
 */
#include <cstdio>
#include <string>
#include <time.h>
#include <unistd.h>

#define KEEP_FRAME __asm__ volatile("") /* no tail call: the caller stays on the stack */

static void wait_ms(long ms)
{
	const struct timespec ts = { 0, ms * 1000000 };

	nanosleep(&ts, nullptr);
}

namespace shop
{
template <typename T> struct cart {
	__attribute__((noinline)) void checkout(T count, const std::string &name) const;
};

template <typename T> void cart<T>::checkout(T count, const std::string &name) const
{
	wait_ms((long)count + (long)name.size());
	KEEP_FRAME;
}
} // namespace shop

namespace
{
__attribute__((noinline)) void wait_unseen()
{
	wait_ms(21);
	KEEP_FRAME;
}
} // namespace

/* demo::queue::pop, in the old way; demo::queue::push, in the new one */
extern "C" __attribute__((noinline)) void
rust_pop() __asm__("_ZN4demo5queue3pop17h0123456789abcdefE");
extern "C" __attribute__((noinline)) void rust_push() __asm__("_RNvNtCs1234_4demo5queue4push");

extern "C" void rust_pop()
{
	wait_ms(22);
	KEEP_FRAME;
}

extern "C" void rust_push()
{
	wait_ms(23);
	KEEP_FRAME;
}

int main()
{
	for (int i = 0; i < 10; i++) {
		shop::cart<int>().checkout(15, "short");
		wait_unseen();
		rust_pop();
		rust_push();
	}
	std::printf("{\"pid\":%d}\n", (int)getpid());
}
