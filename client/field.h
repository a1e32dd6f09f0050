/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading the server's objects and turning their values into words and humane numbers. A field that is null,
 * missing or of another type reads as nothing: the client shows what it is given and never invents.
 * All returned pointers are borrowed from the object unless said otherwise.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/style.h"

bool field_has(struct json_object *object, const char *name); /* there and not null */
/* NULL when there is none. */
const char *field_string(struct json_object *object, const char *name);
/* fallback when there is none. */
int64_t field_integer(struct json_object *object, const char *name, int64_t fallback);
/* An unsigned quantity: 0 when there is none or it is negative. */
uint64_t field_u64(struct json_object *object, const char *name);
double field_double(struct json_object *object, const char *name);
bool field_boolean(struct json_object *object, const char *name);
struct json_object *field_object(struct json_object *object, const char *name);
/* Arrays: length 0 and NULL elements where there is none. */
struct json_object *field_array(struct json_object *object, const char *name);
size_t array_length(struct json_object *array);
struct json_object *array_at(struct json_object *array, size_t i);
/* A row's member of perCpu for a CPU, which lists only CPUs that counted something; NULL. */
struct json_object *cell_of_cpu(struct json_object *row, int cpu);

/* Each of these fills buf and returns it. */
enum { FIELD_TEXT_MAX = 96 };
/* Three significant digits: "0", "<0.01", "4.20", "871", "12.3k", "1.20M". */
char *format_count(double value, char *buf);
/* "9.4 MiB" */
char *format_bytes(uint64_t bytes, char *buf);
/* 0..1 as "99.8 %"; never rounded up to 100 % or down to 0 %. */
char *format_share(double share, char *buf);
/* The same of one CPU, which several together may exceed: "142 %". */
char *format_cpu_share(double share, char *buf);
/* "14:03:10", with the date in front when that is not the day of now_us; milliseconds on demand. */
char *format_moment(uint64_t us, uint64_t now_us, bool with_msec, char *buf);
bool same_day(uint64_t a_us, uint64_t b_us);
/* The JSON list of CPU numbers as "0-3,8"; NULL when out of memory. The caller frees. */
char *format_cpus(struct json_object *array);
/* Strings of an array, separated by ", "; NULL when out of memory. The caller frees. */
char *format_strings(struct json_object *array);

/* What an event of kind affinity tells: "IRQ 24 virtio0-input.0: 0-1 -> 1 (configured)". NULL when out of
 * memory. The caller frees. */
char *format_affinity_change(struct json_object *event);

/* A window's class in words, for a sentence: "interrupts off", "CPU taken by the hypervisor (steal)". The
 * word itself when it is not known. */
const char *class_words(const char *class);
/* True for the classes in which this machine's own kernel held interrupts off. */
bool class_is_irqs_off(const char *class);
enum colour severity_colour(const char *severity);
/* A named number in words: "lostRecords", 3 -> "lost records 3"; "heartbeatNsec" -> "heartbeat 5.00 ms". */
void write_fact(const char *name, int64_t value, FILE *f);
/* One fact of an evidence object in words, safe to print: "steal 51.0 ms", "other cpus 2-3", "worst 48.2-51.0
 * ms" for the pair worstMinNsec, worstMaxNsec. 1: *ret_text, which the caller frees; 0: it is the second half
 * of a pair and was told with the first; -ENOMEM. */
int evidence_words(struct json_object *evidence, const char *name, char **ret_text);
