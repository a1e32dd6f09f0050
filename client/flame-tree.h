/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stacks merged into a tree of frames, and where each frame goes in a drawing. Weights are opaque numbers
 * (nanoseconds, windows, samples). Knows nothing of events, files and SVG.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/* Where a frame ran. */
enum flame_context {
        FLAME_TASK, /* not a frame: the process, or the root of all */
        FLAME_USER,
        FLAME_KERNEL,
        FLAME_INTERRUPT, /* kernel, below the entry of an interrupt or a softirq */
        FLAME_OTHER,     /* not a frame: what stands in for one, such as "[steal]" */
        _FLAME_CONTEXT_MAX,
};

enum {
        FLAME_DEPTH_MAX = 512, /* frames of one stack; diagnose-tools has 30 + 100, perf at most 127 */
        FLAME_ROOT = 0,        /* index of the root node */
        FLAME_NONE = -1,
};

/* One frame of a stack to add. The strings are borrowed. */
struct flame_frame {
        const char *name;
        const char *module; /* NULL: none, or not known */
        enum flame_context context;
};

/* A merged frame. weight and count are totals, with those of its children. */
struct flame_node {
        char *name;
        char *module;
        enum flame_context context;
        uint64_t weight, count;
        unsigned depth; /* root: 0 */
        int32_t parent, first_child, next_sibling;
};

struct flame_tree {
        struct flame_node *nodes; /* nodes[FLAME_ROOT] is there once something was added */
        size_t n_nodes, n_allocated;
        int32_t *buckets; /* hash of (parent, name, module, context) to node, open addressing */
        size_t n_buckets;
        size_t n_stacks; /* added */
        size_t n_cut;    /* stacks that were deeper than FLAME_DEPTH_MAX */
};

/* All-zero is the empty tree. */
void flame_tree_done(struct flame_tree *tree);

/* Adds one stack, outermost frame first. Of a stack deeper than FLAME_DEPTH_MAX the outermost frames and the
 * innermost ones are kept and "[cut]" stands in between. Sums saturate. 0 or -ENOMEM; the totals are
 * unchanged on failure. */
int flame_tree_add(struct flame_tree *tree, const struct flame_frame *frames, size_t n_frames,
                   uint64_t weight, uint64_t count);

/* Puts siblings into the order of their names, so that equal input makes equal drawings. 0 or -ENOMEM. */
int flame_tree_sort(struct flame_tree *tree);

/* The next node in pre-order, or FLAME_NONE. descend false: leave out the children of node. */
int32_t flame_tree_next(const struct flame_tree *tree, int32_t node, bool descend);

/* The weight of the stacks that end in this very node. */
uint64_t flame_tree_self_weight(const struct flame_tree *tree, int32_t node);

/* Totals of the whole tree; 0 when it is empty. */
uint64_t flame_tree_weight(const struct flame_tree *tree);
uint64_t flame_tree_count(const struct flame_tree *tree);

/* One frame to be drawn: its left edge in weight units. Row and width are the node's depth and weight. */
struct flame_box {
        int32_t node;
        uint64_t start;
};

struct flame_layout {
        struct flame_box *boxes; /* pre-order: parents before their children */
        size_t n_boxes;
        size_t n_merged; /* nodes that are not drawn and show as part of their parents */
        unsigned n_rows;
        double min_pixels; /* frames narrower than this were merged */
};

/* Places the frames that are at least min_pixels wide in a drawing of width_pixels. If these are more than
 * n_boxes_max the limit of width is doubled until they fit. *ret is owned by the caller,
 * flame_layout_done(). 0 or -ENOMEM. */
int flame_layout_make(const struct flame_tree *tree, double width_pixels, double min_pixels,
                      size_t n_boxes_max, struct flame_layout *ret);
void flame_layout_done(struct flame_layout *layout);
