/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tables of the file of history, and how files of older versions become the present one. Private to
 * daemon/store.
 */

#include "daemon/store/sql.h"

enum { DISK_VERSION = 1 };

/* Makes the tables of an empty file, or brings an older one up to date, in one transaction. 0;
 * -EPROTONOSUPPORT the file is newer; -EBADMSG it is of something else; -errno. */
int disk_schema_prepare(struct sql *sql);
/* The same without writing: is it a file that can be read? */
int disk_schema_check(struct sql *sql);
