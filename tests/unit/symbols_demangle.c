// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols_demangle - names of C++ and Rust, and names that nobody wrote */
#include "user/symbols/demangle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/map.h"

#include "tests/unit/unit.h"

static void assert_demangled(const char *mangled, const char *expected)
{
	char name[DEMANGLED_MAX];

	assert_int_equal(demangle(name, mangled), strlen(expected));
	assert_string_equal(name, expected);
}

static void names_of_cplusplus_read_as_written(void **state)
{
	assert_demangled("_ZN4beta5gammaEv", "beta::gamma");
	assert_demangled("_ZNSt6vectorIiSaIiEE9push_backERKi",
			 "std::vector<int, std::allocator<int> >::push_back");
	assert_demangled("_ZN3fooC1Ev", "foo::foo");
	assert_demangled("_ZTV4llvm", "vtable for llvm");
	assert_demangled("_ZN12_GLOBAL__N_13barEi", "(anonymous namespace)::bar");
	assert_demangled("_ZNK3$_0clEv", "$_0::operator()");
}

static void names_of_rust_lose_their_hash(void **state)
{
	assert_demangled("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE",
			 "core::fmt::Write::write_fmt");
	assert_demangled(
		"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
		"3bar17h930b740aa94f1d3aE",
		"<Test + 'static as foo::Bar<Test>>::bar");
	assert_demangled("_RNvC6_123foo3bar", "123foo::bar");
	assert_demangled("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
	assert_demangled("_RNCNvC6_123foo3bar0", "123foo::bar::{closure#0}");
}

static void other_names_stay_as_they_are(void **state)
{
	static const char *const names[] = {
		"",        "main",      "_",        "_Z",
		"_ZN",     "_R",        "_start",   "__libc_start_main",
		"_ZN17hE", "main.main", "_ZN4beta", "runtime.(*mheap).alloc"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_demangled(names[i], names[i]);
}

static void a_long_name_is_cut(void **state)
{
	char mangled[8192], name[DEMANGLED_MAX];

	memset(mangled, 'x', sizeof(mangled) - 1);
	mangled[sizeof(mangled) - 1] = 0;
	assert_int_equal(demangle(name, mangled), DEMANGLED_MAX - 1);
	memcpy(mangled, "_Z", 2);
	assert_int_equal(demangle(name, mangled), DEMANGLED_MAX - 1);
	memcpy(mangled, "_R", 2);
	assert_int_equal(demangle(name, mangled), DEMANGLED_MAX - 1);
}

/* Each part stands for two of the one before: 2^30 of the first. */
static void a_name_that_doubles_30_times_is_cut(void **state)
{
	/* S_ is f, S0_ a, S1_ b, S2_ b<a, a>, S3_ b<S2_, S2_>, ... */
	char mangled[1024] = "_Z1fI1a1bIS0_S0_E", name[DEMANGLED_MAX];

	for (int i = 2; i < 32; i++) {
		char digit = (char)(i < 10 ? '0' + i : 'A' + i - 10);

		sprintf(mangled + strlen(mangled), "S1_IS%c_S%c_E", digit, digit);
	}
	strcat(mangled, "Evv");
	assert_int_equal(demangle(name, mangled), DEMANGLED_MAX - 1);
	assert_memory_equal(name, "f<a, b<a, a>, b<b<a, a>, b<a, a> >", 34);
	assert_string_equal(name + DEMANGLED_MAX - 4, "...");
}

static void rust_references_that_double_are_cut(void **state)
{
	char mangled[1024] = "_RINvC1a1b", name[DEMANGLED_MAX];

	/* Tuples of two references to the tuple before: positions count from behind "_R". */
	strcat(mangled, "TuuE");
	for (size_t last = 8, i = 0; i < 40; i++) {
		static const char digits[] =
			"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
		size_t at = strlen(mangled) - 2;
		char reference[8];

		if (last > 62)
			snprintf(reference, sizeof(reference), "B%c%c_", digits[(last - 1) / 62],
				 digits[(last - 1) % 62]);
		else
			snprintf(reference, sizeof(reference), "B%c_", digits[last - 1]);
		sprintf(mangled + strlen(mangled), "T%s%sE", reference, reference);
		last = at;
	}
	strcat(mangled, "E");
	assert_int_equal(demangle(name, mangled), DEMANGLED_MAX - 1);
	assert_string_equal(name + DEMANGLED_MAX - 4, "...");
}

static void deep_names_end(void **state)
{
	static const char *const repeated[] = { "P", "N1a", "I",    "St4pairI", "F",
						"M", "Dp",  "DTcl", "T" };
	char mangled[4096], name[DEMANGLED_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(repeated); i++) {
		for (int rust = 0; rust < 2; rust++) {
			strcpy(mangled, rust ? "_RNv" : "_Z1f");
			while (strlen(mangled) + 16 < sizeof(mangled))
				strcat(mangled, repeated[i]);
			demangle(name, mangled);
			mangled[1000] = 0;
			demangle(name, mangled);
		}
	}
}

static void random_names_do_no_harm(void **state)
{
	static const char *const parts[] = { "N",
					     "S_",
					     "S0_",
					     "I",
					     "E",
					     "1a",
					     "2bc",
					     "St",
					     "T_",
					     "P",
					     "K",
					     "Dp",
					     "J",
					     "X",
					     "L",
					     "i",
					     "v",
					     "_",
					     "C1",
					     "B0_",
					     "B3_",
					     "u",
					     "17h0123456789abcdefE",
					     "Nv",
					     "Nt",
					     "C",
					     "M",
					     "R",
					     "$LT$",
					     "F",
					     "DT",
					     "cl",
					     "sZ",
					     "fp_",
					     "L_Z",
					     "Ul",
					     "Ut_" };
	static const char *const begins[] = { "_Z", "_ZN", "_R", "_RNv", "_Z1fI" };
	u64 seed = 42;

	for (int round = 0; round < 100000; round++) {
		char mangled[256], name[DEMANGLED_MAX];

		strcpy(mangled, begins[round % ARRAY_SIZE(begins)]);
		for (int i = 0; i < 30; i++) {
			seed = hash_u64(seed + 1);
			strcat(mangled, parts[(seed >> 20) % ARRAY_SIZE(parts)]);
			if (strlen(mangled) > 200)
				break;
		}
		assert_true(demangle(name, mangled) < DEMANGLED_MAX);
		assert_int_equal(strlen(name), strnlen(name, DEMANGLED_MAX - 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_cplusplus_read_as_written),
		cmocka_unit_test(names_of_rust_lose_their_hash),
		cmocka_unit_test(other_names_stay_as_they_are),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(a_name_that_doubles_30_times_is_cut),
		cmocka_unit_test(rust_references_that_double_are_cut),
		cmocka_unit_test(deep_names_end),
		cmocka_unit_test(random_names_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
