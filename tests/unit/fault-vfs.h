/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A layer between SQLite and the file system that fails as disks do: full, broken, read-only, cut short,
 * slow. To be used by name: FAULT_VFS.
 */

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define FAULT_VFS "fault"

enum fault {
        FAULT_NONE,
        FAULT_FULL,
        FAULT_IO,
        FAULT_SHORT,
        FAULT_READ_ONLY,
        FAULT_SLOW_SYNC,
        FAULT_HANG,
        _FAULT_MAX
};

static _Atomic enum fault fault_now;
static _Atomic unsigned fault_n_hit;

struct fault_file {
        sqlite3_file base;
        sqlite3_file *real;
};

static sqlite3_file *fault_real(sqlite3_file *file) {
        return ((struct fault_file *)file)->real;
}

static void fault_pause(unsigned ms) {
        (void)nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 },
                        NULL);
}

static int fault_close(sqlite3_file *file) {
        return fault_real(file)->pMethods->xClose(fault_real(file));
}

static int fault_read(sqlite3_file *file, void *data, int n, sqlite3_int64 offset) {
        return fault_real(file)->pMethods->xRead(fault_real(file), data, n, offset);
}

static int fault_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 offset) {
        enum fault fault = fault_now;

        if (fault != FAULT_NONE)
                fault_n_hit++;
        switch (fault) {
        case FAULT_FULL:
                return SQLITE_FULL;
        case FAULT_IO:
                return SQLITE_IOERR_WRITE;
        case FAULT_READ_ONLY:
                return SQLITE_READONLY;
        case FAULT_SHORT:
                (void)fault_real(file)->pMethods->xWrite(fault_real(file), data, n / 2, offset);
                return SQLITE_IOERR_WRITE;
        case FAULT_HANG:
                while (fault_now == FAULT_HANG)
                        fault_pause(10);
                break;
        case FAULT_NONE:
        case FAULT_SLOW_SYNC:
        case _FAULT_MAX:
                break;
        }
        return fault_real(file)->pMethods->xWrite(fault_real(file), data, n, offset);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size) {
        return fault_real(file)->pMethods->xTruncate(fault_real(file), size);
}

static int fault_sync(sqlite3_file *file, int flags) {
        for (unsigned i = 0; fault_now == FAULT_SLOW_SYNC && i < 500; i++) { /* 5 s */
                fault_n_hit += i == 0;
                fault_pause(10);
        }
        if (fault_now == FAULT_IO)
                return SQLITE_IOERR_FSYNC;
        return fault_real(file)->pMethods->xSync(fault_real(file), flags);
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *size) {
        return fault_real(file)->pMethods->xFileSize(fault_real(file), size);
}

static int fault_lock(sqlite3_file *file, int lock) {
        return fault_real(file)->pMethods->xLock(fault_real(file), lock);
}

static int fault_unlock(sqlite3_file *file, int lock) {
        return fault_real(file)->pMethods->xUnlock(fault_real(file), lock);
}

static int fault_check_lock(sqlite3_file *file, int *out) {
        return fault_real(file)->pMethods->xCheckReservedLock(fault_real(file), out);
}

static int fault_control(sqlite3_file *file, int op, void *arg) {
        return fault_real(file)->pMethods->xFileControl(fault_real(file), op, arg);
}

static int fault_sector_size(sqlite3_file *file) {
        return fault_real(file)->pMethods->xSectorSize(fault_real(file));
}

static int fault_characteristics(sqlite3_file *file) {
        return fault_real(file)->pMethods->xDeviceCharacteristics(fault_real(file));
}

static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out) {
        return fault_real(file)->pMethods->xShmMap(fault_real(file), page, size, extend, out);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
        return fault_real(file)->pMethods->xShmLock(fault_real(file), offset, n, flags);
}

static void fault_shm_barrier(sqlite3_file *file) {
        fault_real(file)->pMethods->xShmBarrier(fault_real(file));
}

static int fault_shm_unmap(sqlite3_file *file, int delete) {
        return fault_real(file)->pMethods->xShmUnmap(fault_real(file), delete);
}

static const sqlite3_io_methods fault_methods = {
        .iVersion = 2,
        .xClose = fault_close,
        .xRead = fault_read,
        .xWrite = fault_write,
        .xTruncate = fault_truncate,
        .xSync = fault_sync,
        .xFileSize = fault_size,
        .xLock = fault_lock,
        .xUnlock = fault_unlock,
        .xCheckReservedLock = fault_check_lock,
        .xFileControl = fault_control,
        .xSectorSize = fault_sector_size,
        .xDeviceCharacteristics = fault_characteristics,
        .xShmMap = fault_shm_map,
        .xShmLock = fault_shm_lock,
        .xShmBarrier = fault_shm_barrier,
        .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
        sqlite3_vfs *below = vfs->pAppData;
        struct fault_file *f = (struct fault_file *)file;
        int code;

        f->real = (sqlite3_file *)(f + 1);
        code = below->xOpen(below, name, f->real, flags, out_flags);
        f->base.pMethods = f->real->pMethods ? &fault_methods : NULL;
        return code;
}

static inline void fault_register(void) {
        static sqlite3_vfs vfs;
        sqlite3_vfs *below = sqlite3_vfs_find(NULL);

        vfs = *below;
        vfs.zName = FAULT_VFS;
        vfs.szOsFile = (int)sizeof(struct fault_file) + below->szOsFile;
        vfs.pAppData = below;
        vfs.pNext = NULL;
        vfs.xOpen = fault_open;
        (void)sqlite3_vfs_register(&vfs, 0);
}
