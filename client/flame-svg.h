/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A frame tree as one self-contained SVG file: complete as a still picture, interactive where scripts run
 * (flame.js), without any network access. Knows nothing of where the tree came from.
 */

#include <stdio.h>

#include "client/flame-tree.h"

/* What weights and counts of the tree mean. */
enum flame_unit {
        FLAME_UNIT_TIME,    /* weights are nanoseconds, counts windows */
        FLAME_UNIT_WINDOWS, /* weights and counts are windows */
        FLAME_UNIT_SAMPLES, /* weights are whatever a folded file counted; there are no counts */
        _FLAME_UNIT_MAX,
};

struct flame_caption {
        const char *title;
        const char *subtitle; /* what was measured: span, filters, number of windows */
        enum flame_unit unit;
        bool has_counts;   /* FLAME_UNIT_TIME: counts are known */
        size_t n_boxes_max; /* 0: FLAME_SVG_BOXES_MAX */
};

enum {
        FLAME_SVG_WIDTH = 1200,      /* of the still picture; flame.js fits it to the window */
        FLAME_SVG_BOXES_MAX = 50000, /* about 10 MB of SVG, more than a browser draws quickly */
};

/* Frames narrower than this many pixels in the still picture are merged into their parents. */
#define FLAME_SVG_MIN_PIXELS 0.1

/* Writes the whole file. The tree should be sorted. 0, -ENOMEM, -EIO when out failed. */
int flame_svg_write(FILE *out, const struct flame_tree *tree, const struct flame_caption *caption);

enum { FLAME_WEIGHT_TEXT_MAX = 40 };
/* A weight as people read it: "36.0 ms", "870 \u00b5s", "12.3 s", "1 window", "7 samples". Returns buf. */
char *flame_weight_text(uint64_t weight, enum flame_unit unit, char buf[static FLAME_WEIGHT_TEXT_MAX]);
