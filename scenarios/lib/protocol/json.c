// SPDX-License-Identifier: GPL-2.0
/*
 * A writer of JSON.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/protocol/json.h"

static bool has_room(struct json *json, size_t len)
{
	size_t size = 2 * (json->len + len) + 64;
	char *buf;

	if (json->len + len < json->size)
		return true;
	buf = json->grows ? realloc(json->buf, size) : NULL;
	if (!buf)
		return false;
	json->buf = buf;
	json->size = size;
	return true;
}

static void put(struct json *json, const char *text, size_t len)
{
	if (!has_room(json, len))
		return;
	memcpy(json->buf + json->len, text, len);
	json->len += len;
	json->buf[json->len] = '\0';
}

static void put_text(struct json *json, const char *text)
{
	put(json, text, strlen(text));
}

static void put_char(struct json *json, char c)
{
	put(json, &c, 1);
}

static void put_quoted(struct json *json, const char *text)
{
	char escaped[8];

	put_char(json, '"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c < ' ') {
			snprintf(escaped, sizeof(escaped), "\\u%04x", c);
			put_text(json, escaped);
			continue;
		}
		if (c == '"' || c == '\\')
			put_char(json, '\\');
		put_char(json, c);
	}
	put_char(json, '"');
}

/* What stands before a value. */
static void put_key(struct json *json, const char *key)
{
	if (json->follows)
		put_char(json, ',');
	json->follows = true;
	if (key) {
		put_quoted(json, key);
		put_char(json, ':');
	}
}

/**
 * json_line() - begin a line in a buffer
 * @size: of @buf, at least 1
 */
struct json json_line(char *buf, size_t size)
{
	buf[0] = '\0';
	return (struct json) { .buf = buf, .size = size };
}

/**
 * json_growing() - begin a line of any length; the caller frees @buf of it
 */
struct json json_growing(void)
{
	return (struct json) { .grows = true };
}

/**
 * json_open() - begin an object or an array
 * @bracket: '{' or '['
 */
void json_open(struct json *json, const char *key, char bracket)
{
	put_key(json, key);
	put_char(json, bracket);
	json->follows = false;
}

/**
 * json_close() - end it
 * @bracket: '}' or ']'
 */
void json_close(struct json *json, char bracket)
{
	put_char(json, bracket);
	json->follows = true;
}

/**
 * json_string() - a string, or null for NULL
 */
void json_string(struct json *json, const char *key, const char *text)
{
	put_key(json, key);
	if (text)
		put_quoted(json, text);
	else
		put_text(json, "null");
}

/**
 * json_number() - a whole number
 */
void json_number(struct json *json, const char *key, uint64_t number)
{
	char text[24];

	put_key(json, key);
	snprintf(text, sizeof(text), "%" PRIu64, number);
	put_text(json, text);
}

/**
 * json_signed() - a whole number that may be negative
 */
void json_signed(struct json *json, const char *key, int number)
{
	char text[16];

	put_key(json, key);
	snprintf(text, sizeof(text), "%d", number);
	put_text(json, text);
}

/**
 * json_hash() - 64 bits as a string of 16 hexadecimal digits
 */
void json_hash(struct json *json, const char *key, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%016" PRIx64, number);
	json_string(json, key, text);
}

/**
 * json_bool() - true or false
 */
void json_bool(struct json *json, const char *key, bool value)
{
	put_key(json, key);
	put_text(json, value ? "true" : "false");
}

/**
 * json_event() - begin a line for the harness
 * @event: what it says
 */
void json_event(struct json *json, const char *event)
{
	json_open(json, NULL, '{');
	json_string(json, "event", event);
}

/**
 * json_end() - end the outermost object, and the line
 */
void json_end(struct json *json)
{
	json_close(json, '}');
	put_char(json, '\n');
}
