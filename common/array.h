/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arrays that grow: room doubles, so that adding one element at a time costs a constant on average.
 */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/cleanup.h"

#define ARRAY_ROOM_MIN ((size_t)8)

/* Elements to have room for when need of them do not fit. */
static inline size_t array_room(size_t allocated, size_t need) {
        size_t doubled = MAX(allocated * 2, ARRAY_ROOM_MIN);

        return MAX(doubled, need);
}

/* Room for need elements in all. array (a pointer) and allocated (a size_t, in elements) are variables that change together;
 * what is new is not initialised. 0; -ENOMEM: both as they were. */
#define ARRAY_RESERVE(array, allocated, need)                                                      \
        ({                                                                                         \
                size_t _need = (need);                                                             \
                int _reserved = 0;                                                                 \
                                                                                                   \
                if (_need > (allocated)) {                                                         \
                        size_t _room = array_room((allocated), _need);                             \
                        __typeof__(array) _grown = reallocarray((array), _room, sizeof(*(array))); \
                                                                                                   \
                        if (_grown) {                                                              \
                                (array) = _grown;                                                  \
                                (allocated) = _room;                                               \
                        } else                                                                     \
                                _reserved = -ENOMEM;                                               \
                }                                                                                  \
                _reserved;                                                                         \
        })
