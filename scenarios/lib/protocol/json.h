/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A writer of JSON, a line at a time, into a buffer of the caller's.
 */
#ifndef NSLAB_SCENARIOS_LIB_PROTOCOL_JSON_H
#define NSLAB_SCENARIOS_LIB_PROTOCOL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct json - a text that is being written
 * @buf: the text so far, always with a zero behind it
 * @size: of @buf
 * @len: of the text, without the zero
 * @grows: @buf is made larger as needed, and the caller frees it
 * @follows: a value stands before, within the same brackets
 *
 * What does not fit is left out.
 */
struct json {
	char *buf;
	size_t size;
	size_t len;
	bool grows;
	bool follows;
};

/* The keys are identifiers; NULL within an array. */
struct json json_line(char *buf, size_t size);
struct json json_growing(void);
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, uint64_t number);
void json_signed(struct json *json, const char *key, int number);
void json_hash(struct json *json, const char *key, uint64_t number);
void json_bool(struct json *json, const char *key, bool value);
void json_event(struct json *json, const char *event);
void json_end(struct json *json);

#endif /* NSLAB_SCENARIOS_LIB_PROTOCOL_JSON_H */
