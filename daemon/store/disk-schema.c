/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/disk-schema.h"

/* "IRQW", for file(1) and for not taking another program's database for ours. */
#define APPLICATION_ID 1230131543

#define SAMPLES(name) \
        "CREATE TABLE " name " (" \
        "  id INTEGER PRIMARY KEY,"    /* on the timeline: of its last pass, or a little later */ \
        "  first_id INTEGER NOT NULL," /* of its first pass */ \
        "  block INTEGER NOT NULL,"    /* id of the head of its block; its own if it is that */ \
        "  source INTEGER NOT NULL," \
        "  run INTEGER NOT NULL," \
        "  last_ns INTEGER NOT NULL," /* monotonic moment of its last pass */ \
        "  body BLOB NOT NULL);"      /* segment.h, packed */

/* What brings a file from one version to the next; the first one makes an empty file. Never change one that
 * was released: add another. */
static const char *const steps[] = {
        "CREATE TABLE boot (id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE);"
        /* One life of the daemon, and what machine it ran on. */
        "CREATE TABLE run ("
        "  id INTEGER PRIMARY KEY,"
        "  boot INTEGER NOT NULL,"
        "  started_us INTEGER NOT NULL," /* realtime */
        "  first_id INTEGER NOT NULL,"   /* on the timeline: nothing of it is before */
        "  last_us INTEGER," /* realtime of the last thing it wrote; found out by the run after it */
        "  version TEXT, hostname TEXT, kernel TEXT, machine TEXT, cpus TEXT, settings TEXT);"
        /* From this point of the timeline on, realtime = timeline + offset. */
        "CREATE TABLE clock (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, offset_us INTEGER NOT NULL);"
        "CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL, metrics BLOB NOT NULL);" SAMPLES(
                "samples_raw") SAMPLES("samples_10s") SAMPLES("samples_1min")
                SAMPLES("samples_10min") "CREATE TABLE event ("
                                         "  id INTEGER PRIMARY KEY,"
                                         "  time_us INTEGER NOT NULL,"
                                         "  boot INTEGER NOT NULL,"
                                         "  kind TEXT NOT NULL, class TEXT, confidence TEXT,"
                                         "  cpu INTEGER,"
                                         "  duration_min_ns INTEGER, duration_max_ns INTEGER,"
                                         "  culprit TEXT,"
                                         "  kernel_stack INTEGER, user_stack INTEGER,"
                                         "  body BLOB NOT NULL);" /* the rest: disk-event.c */
                                         "CREATE INDEX event_time ON event (time_us);"
                                         /* The id is a hash of what the stack is. */
                                         "CREATE TABLE stack (id INTEGER PRIMARY KEY, n_users INTEGER NOT "
                                         "NULL, body BLOB NOT NULL);"
                                         "CREATE TABLE string (id INTEGER PRIMARY KEY, n_users INTEGER NOT "
                                         "NULL, text TEXT NOT NULL UNIQUE);",
};
_Static_assert(ELEMENTSOF(steps) == DISK_VERSION, "a step to every version");

static int get_version(struct sql *sql, int64_t *ret_version) {
        int64_t application, n_tables;
        int r;

        r = sql_get(sql, "PRAGMA application_id", &application);
        if (r >= 0)
                r = sql_get(sql, "PRAGMA user_version", ret_version);
        if (r >= 0)
                r = sql_get(sql, "SELECT count(*) FROM sqlite_schema", &n_tables);
        if (r < 0)
                return r;

        /* An empty file is one that is still to be made, or was cut off while it was. */
        if (application != APPLICATION_ID && (application != 0 || *ret_version != 0 || n_tables > 0))
                return -EBADMSG;
        return *ret_version > DISK_VERSION ? -EPROTONOSUPPORT : *ret_version < 0 ? -EBADMSG : 0;
}

int disk_schema_check(struct sql *sql) {
        int64_t version;
        int r;

        r = get_version(sql, &version);
        if (r < 0)
                return r;
        return version == DISK_VERSION ? 0 : -EPROTONOSUPPORT;
}

static int take_steps(struct sql *sql, int64_t version) {
        char text[128];
        int r = 0;

        for (int64_t v = version; v < DISK_VERSION && r >= 0; v++)
                r = sql_exec(sql, steps[v]);
        if (r < 0)
                return r;

        (void)snprintf(text, sizeof(text), "PRAGMA application_id = %i; PRAGMA user_version = %i",
                       APPLICATION_ID, DISK_VERSION); /* fits */
        return sql_exec(sql, text);
}

int disk_schema_prepare(struct sql *sql) {
        int64_t version;
        int r;

        r = get_version(sql, &version);
        if (r < 0)
                return r;
        if (version == DISK_VERSION)
                return 0;

        r = sql_exec(sql, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;

        r = take_steps(sql, version);
        if (r >= 0)
                r = sql_exec(sql, "COMMIT");
        if (r < 0)
                (void)sql_exec(sql, "ROLLBACK"); /* the first failure is the one to tell */
        return r;
}
