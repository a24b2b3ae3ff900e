// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* base_map - the hash map against a plain list that does the same */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/base/map.h"

#define KEYS 300

/* The plain list: what a key should map to, when it is there */
struct model {
	bool there[KEYS];
	u64 value[KEYS];
	size_t count;
};

static u64 random_state = 88172645463325252ULL;

static u64 next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Near, far and colliding keys; 0 and the largest among them */
static u64 key_of(size_t i)
{
	return i < 100 ? i : i < 200 ? (u64)i << 40 : UINT64_MAX - (i - 200) * 4096;
}

static void agrees(const struct map *map, const struct model *model)
{
	size_t seen = 0;

	assert_int_equal(map->count, model->count);
	for (size_t i = 0; i < KEYS; i++) {
		u64 *value = map_get(map, key_of(i));

		assert_int_equal(value != NULL, model->there[i]);
		if (value)
			assert_int_equal(*value, model->value[i]);
	}
	map_for_each(map, slot)
		seen++;
	assert_int_equal(seen, model->count);
}

static void put(struct map *map, struct model *model, size_t i, u64 v)
{
	u64 *value = map_put(map, key_of(i));

	assert_non_null(value);
	if (!model->there[i])
		assert_int_equal(*value, 0);
	*value = v;
	model->count += !model->there[i];
	model->there[i] = true;
	model->value[i] = v;
}

static void erase(struct map *map, struct model *model, size_t i)
{
	assert_int_equal(map_remove(map, key_of(i)), model->there[i]);
	model->count -= model->there[i];
	model->there[i] = false;
}

static void any_order_of_puts_and_removes_agrees_with_a_list(void **state)
{
	struct model model = { 0 };
	struct map map = { 0 };

	for (int round = 0; round < 60000; round++) {
		/* Grows and shrinks in turns, so that chains of every length are cut. */
		bool growing = round / 5000 % 2 == 0;
		size_t i = next_random() % KEYS;

		if (next_random() % 4 < (growing ? 3 : 1))
			put(&map, &model, i, next_random());
		else
			erase(&map, &model, i);
		if (round % 97 == 0)
			agrees(&map, &model);
	}
	agrees(&map, &model);
	for (size_t i = 0; i < KEYS; i++)
		erase(&map, &model, i);
	agrees(&map, &model);
	map_free(&map);
}

/* Keys whose home is the last slot of a map of 16: their chain goes on at the first one. */
static void a_chain_over_the_end_survives_removals(void **state)
{
	u64 keys[8], key = 1;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		while ((hash_u64(key) & 15) != 15 - i % 2)
			key++;
		keys[i] = key++;
	}
	for (size_t removed = 0; removed < ARRAY_SIZE(keys); removed++) {
		struct map map = { 0 };

		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			*map_put(&map, keys[i]) = i;
		assert_int_equal(map.mask, 15);
		assert_true(map_remove(&map, keys[removed]));
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			u64 *value = map_get(&map, keys[i]);

			assert_int_equal(value != NULL, i != removed);
			if (value)
				assert_int_equal(*value, i);
		}
		map_free(&map);
	}
}

static void an_empty_map_holds_nothing(void **state)
{
	struct map map = { 0 };

	assert_null(map_get(&map, 0));
	assert_false(map_remove(&map, 0));
	map_clear(&map);
	map_for_each(&map, slot)
		fail_msg("a slot in an empty map");
	map_free(&map);
}

static void a_cleared_map_is_empty_and_works(void **state)
{
	struct map map = { 0 };

	for (u64 key = 0; key < 1000; key++)
		*map_put(&map, key) = key + 1;
	map_clear(&map);
	assert_int_equal(map.count, 0);
	assert_null(map_get(&map, 5));
	assert_int_equal(*map_put(&map, 5), 0);
	assert_int_equal(map.count, 1);
	map_free(&map);
}

static void a_hash_depends_on_every_byte_and_the_length(void **state)
{
	assert_true(hash_bytes("a", 1) != hash_bytes("b", 1));
	assert_true(hash_bytes("a\0", 2) != hash_bytes("a", 1));
	assert_true(hash_bytes("abc", 3) != hash_bytes("abd", 3));
	assert_true(hash_bytes("", 0) == hash_bytes("x", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_puts_and_removes_agrees_with_a_list),
		cmocka_unit_test(a_chain_over_the_end_survives_removals),
		cmocka_unit_test(an_empty_map_holds_nothing),
		cmocka_unit_test(a_cleared_map_is_empty_and_works),
		cmocka_unit_test(a_hash_depends_on_every_byte_and_the_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
