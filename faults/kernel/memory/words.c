// SPDX-License-Identifier: GPL-2.0
/*
 * The words that actors share, as all profile executions of a boot found them: by kind
 * of object and offset, which are the same in every boot, and not by address.
 *
 * Protected is a word if there is a lock that was held at all accesses: in one execution
 * the same lock, over several executions one of the same class.
 */

#include <linux/bitops.h>
#include <linux/init.h>
#include <linux/jhash.h>
#include <linux/kernel.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include <asm/sections.h>

#include "../core/trace.h"
#include "kinds.h"
#include "sites.h"
#include "words.h"

#define WORD_SIZE	8

/**
 * struct word - a shared word, and what is not for the explorer
 * @key: of the objects
 * @offset: in them, of the first of the eight bytes
 * @hash: of the key
 * @size: 8, or that of an array of which all slots count as one word
 * @bytes: that are shared, a bit each
 * @nlocks: how many @locks
 * @adopted: the same when the set was adopted, 0 if it was not there then
 * @adopted_locked: it was protected then
 * @keep: it is no slot of an array that is a word
 * @locks: of these classes a lock was held at all accesses, in all executions
 * @told: what the explorer gets
 */
struct word {
	struct nslab_key key;
	u32 offset;
	u32 hash;
	u32 size;
	u8 bytes;
	u8 nlocks;
	u8 adopted;
	bool adopted_locked;
	bool keep;
	struct nslab_held locks[NSLAB_COMMON_LOCKS];
	struct nslab_word told;
};

static struct word *words;
static unsigned int nr_words;

/* Shared words that there was no room for, or of which the kind is not known. */
static unsigned int nr_lost;

static bool adopted;

/* Classes of which a lock was held at an access to a shared word. */
static const struct lock_class_key *guards[512];
static unsigned int nr_guards;

/* === What one execution has found === */

static u8 shared_bytes(const struct nslab_seen *seen)
{
	unsigned int i, j;
	u8 bytes = 0;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		for (j = 0; seen->writes[i] && j < NSLAB_MAX_ACTORS; j++)
			if (i != j)
				bytes |= seen->writes[i] &
					 (seen->reads[j] | seen->writes[j]);
	return bytes;
}

/**
 * nslab_is_counter() - a variable that several actors write, at the same time and plainly?
 *
 * See nslab_counter_seen().
 */
bool nslab_is_counter(const struct nslab_seen *seen)
{
	unsigned int i, writers = 0;
	struct nslab_place place;
	struct nslab_key key;

	for (i = 0; i < NSLAB_MAX_ACTORS; i++)
		writers += !!seen->writes[i];
	return writers > 1 && !seen->nlocks && !seen->special &&
	       nslab_place_of(seen->addr, &place) && nslab_key_of(&place, &key) &&
	       key.type == NSLAB_WORD_STATIC;
}

static u32 hash_of(const struct nslab_key *key)
{
	if (key->type == NSLAB_WORD_CACHE)
		return jhash(key->name, strlen(key->name), key->type);
	return jhash_1word(key->start - (unsigned long)_text, key->type);
}

static struct word *new_word(const struct nslab_key *key, u32 offset, u32 size,
			     const struct nslab_place *place)
{
	struct word *word = &words[nr_words];

	if (nr_words == NSLAB_MAX_WORDS)
		return NULL;
	nr_words++;
	memset(word, 0, sizeof(*word));
	word->key = *key;
	word->hash = hash_of(key);
	word->offset = offset;
	word->size = size;
	word->told.object_size = place->size;
	return word;
}

/* An array comes before a word in it. */
static struct word *find_word(const struct nslab_key *key, u32 offset)
{
	struct word *word, *found = NULL;
	u32 hash = hash_of(key);

	for (word = words; word < words + nr_words; word++)
		if (word->hash == hash && offset - word->offset < word->size &&
		    nslab_same_key(&word->key, key) &&
		    (!found || word->size > found->size))
			found = word;
	return found;
}

static bool same_code(const struct nslab_seen *seen, const struct nslab_word *told)
{
	unsigned int i, j;

	for (i = 0; i < seen->nsides; i++) {
		u32 ip = nslab_text_offset(seen->sides[i].ip);

		if (seen->sides[i].flags & NSLAB_SIDE_IS_LARGE)
			continue;
		for (j = 0; j < told->nsides; j++)
			if (told->sides[j].ip == ip)
				return true;
	}
	return false;
}

/*
 * An instruction that accesses many words of such an object chooses the slots of an
 * array, by an id or a hash. Which slots are shared is chance then: the array is one
 * word. It is taken to reach to the end of the object. Fewer words may be members that
 * one helper is called for (a reference count, a list).
 */
#define MANY_SLOTS	4

static void find_array(const struct nslab_seen *seen, const struct nslab_key *key,
		       u32 *offset, u32 *size, const struct nslab_place *place)
{
	u32 hash = hash_of(key), first = *offset;
	unsigned int found = 1;
	struct word *word;

	if (key->type == NSLAB_WORD_CACHE) {
		if (strcmp(key->name, "radix_tree_node") ||
		    first < offsetof(struct xa_node, slots) ||
		    first >= offsetofend(struct xa_node, slots))
			return;
		*offset = offsetof(struct xa_node, slots);
		*size = sizeof_field(struct xa_node, slots);
		return;
	}
	for (word = words; word < words + nr_words; word++) {
		if (word->hash != hash || !nslab_same_key(&word->key, key) ||
		    word->size > WORD_SIZE || !same_code(seen, &word->told))
			continue;
		found++;
		first = min(first, word->offset);
	}
	if (found >= MANY_SLOTS) {
		*offset = key->type == NSLAB_WORD_STATIC ? 0 : first;
		*size = place->size - *offset;
	}
}

static struct word *word_of(const struct nslab_seen *seen, const struct nslab_key *key,
			    const struct nslab_place *place)
{
	u32 offset = seen->addr - place->object, size = WORD_SIZE;
	struct word *word = find_word(key, offset);

	if (word)
		return word;
	find_array(seen, key, &offset, &size, place);
	return new_word(key, offset, size, place);
}

/* It does not grow once the set has been adopted: executions depend on it. */
static void add_guards(const struct nslab_seen *seen)
{
	unsigned int i, j;

	for (i = 0; !adopted && i < seen->nany; i++) {
		for (j = 0; j < nr_guards && guards[j] != seen->any[i]; j++)
			;
		if (j == nr_guards && j < ARRAY_SIZE(guards))
			guards[nr_guards++] = seen->any[i];
	}
}

/**
 * nslab_lock_guards() - is there a shared word that is accessed under such a lock?
 * @lock: its struct lockdep_map
 *
 * Return: true for all as long as no set was adopted.
 */
bool nslab_lock_guards(const void *lock)
{
	const struct lockdep_map *map = lock;
	unsigned int i;

	if (!adopted)
		return true;
	for (i = 0; i < nr_guards; i++)
		if (guards[i] == map->key)
			return true;
	return nr_guards == ARRAY_SIZE(guards);
}

static void add_locks(struct word *word, const struct nslab_seen *seen)
{
	unsigned int i, j, n = 0;

	if (!word->bytes) {
		memcpy(word->locks, seen->locks, sizeof(word->locks));
		word->nlocks = seen->nlocks;
		return;
	}
	for (i = 0; i < word->nlocks; i++) {
		for (j = 0; j < seen->nlocks; j++)
			if (word->locks[i].key == seen->locks[j].key)
				break;
		if (j < seen->nlocks)
			word->locks[n++] = word->locks[i];
	}
	word->nlocks = n;
}

static void add_side(struct nslab_word *told, const struct nslab_seen_side *side)
{
	u32 ip = nslab_text_offset(side->ip);
	struct nslab_side *to;
	unsigned int i;

	for (i = 0; i < told->nsides; i++)
		if (told->sides[i].ip == ip && told->sides[i].actor == side->actor &&
		    told->sides[i].flags == side->flags)
			return;
	if (told->nsides == NSLAB_MAX_SIDES)
		return;
	to = &told->sides[told->nsides++];
	*to = (struct nslab_side) {
		.ip = ip, .actor = side->actor, .flags = side->flags,
		.rcu = side->rcu,
	};
	for (i = 0; i < NSLAB_SIDE_LOCKS && side->locks[i]; i++)
		strscpy(to->locks[i], side->locks[i], sizeof(to->locks[i]));
}

/**
 * nslab_words_add() - take what happened to a word in an execution
 * @seen: that. Its object still exists
 *
 * In any context.
 */
void nslab_words_add(const struct nslab_seen *seen)
{
	u8 bytes = shared_bytes(seen);
	struct nslab_place place;
	struct nslab_key key;
	struct word *word;
	unsigned int i;

	if (!bytes)
		return;
	if (!nslab_place_of(seen->addr, &place) || !nslab_key_of(&place, &key)) {
		nr_lost++;
		return;
	}
	word = word_of(seen, &key, &place);
	if (!word) {
		nr_lost++;
		return;
	}
	if (word->size > WORD_SIZE)
		bytes = U8_MAX;
	add_guards(seen);
	add_locks(word, seen);
	word->bytes |= bytes;
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		word->told.readers |= !!seen->reads[i] << i;
		word->told.writers |= !!seen->writes[i] << i;
	}
	for (i = 0; i < seen->nsides; i++)
		add_side(&word->told, &seen->sides[i]);
}

/* === The set === */

static int compare(const void *a, const void *b)
{
	const struct word *one = a, *other = b;
	int order = strcmp(one->key.name, other->key.name);

	if (one->key.type != other->key.type)
		return one->key.type < other->key.type ? -1 : 1;
	if (order)
		return order;
	if (one->key.start != other->key.start)
		return one->key.start < other->key.start ? -1 : 1;
	return one->offset < other->offset ? -1 : one->offset > other->offset;
}

static u32 first_byte(const struct word *word)
{
	return word->offset + __ffs(word->bytes);
}

static u32 nr_bytes(const struct word *word)
{
	if (word->size > WORD_SIZE)
		return word->size;
	return __fls(word->bytes) - __ffs(word->bytes) + 1;
}

static void merge_into(struct word *array, const struct word *word)
{
	unsigned int i, j, n = 0;

	for (i = 0; i < array->nlocks; i++) {
		for (j = 0; j < word->nlocks; j++)
			if (array->locks[i].key == word->locks[j].key)
				break;
		if (j < word->nlocks)
			array->locks[n++] = array->locks[i];
	}
	array->nlocks = n;
	array->told.readers |= word->told.readers;
	array->told.writers |= word->told.writers;
}

/* Words that were found before it was known that they are slots of an array. */
static void drop_covered(void)
{
	unsigned int i, n = 0;
	struct word *array;

	for (i = 0; i < nr_words; i++) {
		array = find_word(&words[i].key, words[i].offset);
		if (array != &words[i])
			merge_into(array, &words[i]);
	}
	for (i = 0; i < nr_words; i++)
		if (find_word(&words[i].key, words[i].offset) == &words[i])
			words[i].keep = true;
	for (i = 0; i < nr_words; i++)
		if (words[i].keep)
			words[n++] = words[i];
	nr_words = n;
}

/**
 * nslab_words_adopt() - what was found so far is the set
 *
 * Return: 0, -EBUSY if there is one, -ENOSPC if more is shared than can be watched.
 */
int nslab_words_adopt(void)
{
	struct word *word;
	int ret;

	if (adopted)
		return -EBUSY;
	adopted = true;
	drop_covered();
	sort(words, nr_words, sizeof(*words), compare, NULL);
	for (word = words; word < words + nr_words; word++) {
		word->adopted = word->bytes;
		word->adopted_locked = word->nlocks;
		if (!nslab_wants_shared())
			continue;
		ret = nslab_watch_word(&word->key, first_byte(word), nr_bytes(word),
				       !word->nlocks);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static unsigned int flags_of(const struct word *word)
{
	unsigned int flags = word->nlocks ? 0 : NSLAB_WORD_IS_POINT;

	if (adopted && word->bytes & ~word->adopted)
		flags |= NSLAB_WORD_IS_NEW;
	else if (adopted && word->adopted_locked && !word->nlocks)
		flags |= NSLAB_WORD_IS_EXPOSED;
	return flags;
}

/**
 * nslab_words_new() - how many are not as the set says
 */
unsigned int nslab_words_new(void)
{
	unsigned int i, n = 0;

	for (i = 0; adopted && i < nr_words; i++)
		n += !!(flags_of(&words[i]) &
			(NSLAB_WORD_IS_NEW | NSLAB_WORD_IS_EXPOSED));
	return n;
}

/* Of what was read from memory of the kernel, only what a reader can use. */
static void tell(struct word *word)
{
	struct nslab_word *told = &word->told;
	const struct nslab_watch *watch = NULL;
	struct nslab_kind *kind;
	unsigned long size;
	bool point;

	told->kind = word->key.type;
	told->flags = flags_of(word);
	told->offset = first_byte(word);
	told->size = nr_bytes(word);
	told->what = NSLAB_UNWATCHED;
	kind = nslab_kind_of_key(&word->key);
	if (!kind && word->key.type == NSLAB_WORD_KMALLOC)
		kind = nslab_kind_of_site(word->key.end);
	if (kind)
		watch = nslab_find_watch(kind, told->offset,
					 told->offset + told->size, false, &point);
	if (watch) {
		told->flags |= NSLAB_WORD_IS_WATCHED;
		told->what = watch->what;
	}
	if (word->key.type == NSLAB_WORD_KMALLOC) {
		told->site = nslab_text_offset(word->key.end);
		told->site_start = nslab_text_offset(nslab_function_of(word->key.start,
								       &size));
	} else if (word->key.type == NSLAB_WORD_STATIC) {
		told->site = nslab_text_offset(word->key.start);
	}
	strscpy(told->name, word->key.name, sizeof(told->name));
	told->locked[0] = '\0';
	if (word->nlocks)
		strscpy(told->locked, word->locks[0].name, sizeof(told->locked));
}

/**
 * nslab_words_copy() - the words so far
 * @arg: see uapi.h
 *
 * Return: 0 or -EFAULT.
 */
long nslab_words_copy(struct nslab_words __user *arg)
{
	struct nslab_words out;
	struct nslab_word __user *to;
	unsigned int i;

	if (copy_from_user(&out, arg, sizeof(out)))
		return -EFAULT;
	to = u64_to_user_ptr(out.words);
	out.n = nr_words;
	out.accesses = nslab_profile_stats.accesses;
	out.locations = nslab_profile_stats.locations;
	out.lost = nr_lost + nslab_profile_stats.lost;
	for (i = 0; i < nr_words && i < out.room; i++) {
		tell(&words[i]);
		if (copy_to_user(&to[i], &words[i].told, sizeof(*to)))
			return -EFAULT;
	}
	return copy_to_user(arg, &out, sizeof(out)) ? -EFAULT : 0;
}

static int __init nslab_words_init(void)
{
	words = vzalloc(array_size(NSLAB_MAX_WORDS, sizeof(*words)));
	return words ? 0 : -ENOMEM;
}
late_initcall(nslab_words_init);
