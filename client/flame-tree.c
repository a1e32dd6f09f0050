/* SPDX-License-Identifier: Apache-2.0 */

#include "client/flame-tree.h"

#include <assert.h>
#include <string.h>

enum {
        NODES_FIRST = 64,
        BUCKETS_PER_NODE = 2, /* keeps the open addressing at most half full */
};

void flame_tree_done(struct flame_tree *tree) {
        for (size_t i = 0; i < tree->n_nodes; i++) {
                free(tree->nodes[i].name);
                free(tree->nodes[i].module);
        }
        free(tree->nodes);
        free(tree->buckets);
        *tree = (struct flame_tree){};
}

/* FNV-1a, 64 bit. */
static uint64_t flame_tree_hash_bytes(uint64_t hash, const void *data, size_t n) {
        for (const unsigned char *p = data, *end = p + n; p < end; p++)
                hash = (hash ^ *p) * UINT64_C(0x100000001b3);
        return hash;
}

static uint64_t flame_tree_hash(int32_t parent, const struct flame_frame *frame) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        hash = flame_tree_hash_bytes(hash, &parent, sizeof(parent));
        hash = flame_tree_hash_bytes(hash, &frame->context, sizeof(frame->context));
        hash = flame_tree_hash_bytes(hash, frame->name, strlen(frame->name));
        if (frame->module)
                hash = flame_tree_hash_bytes(hash, frame->module, strlen(frame->module));
        return hash ^ hash >> 32;
}

static int flame_tree_compare_text(const char *a, const char *b) {
        if (!a || !b)
                return (a != NULL) - (b != NULL);
        return strcmp(a, b);
}

static bool flame_tree_is(const struct flame_node *node, int32_t parent, const struct flame_frame *frame) {
        return node->parent == parent && node->context == frame->context &&
               strcmp(node->name, frame->name) == 0 &&
               flame_tree_compare_text(node->module, frame->module) == 0;
}

/* The bucket that holds the node, or the free one in which it belongs. */
static int32_t *flame_tree_bucket(const struct flame_tree *tree, int32_t parent,
                                  const struct flame_frame *frame) {
        size_t mask = tree->n_buckets - 1;

        for (size_t i = flame_tree_hash(parent, frame) & mask;; i = (i + 1) & mask) {
                int32_t *bucket = tree->buckets + i;

                if (*bucket == FLAME_NONE || flame_tree_is(tree->nodes + *bucket, parent, frame))
                        return bucket;
        }
}

static struct flame_frame flame_tree_frame(const struct flame_node *node) {
        return (struct flame_frame){ .name = node->name, .module = node->module, .context = node->context };
}

static int flame_tree_grow(struct flame_tree *tree) {
        size_t n_allocated = tree->n_allocated ? tree->n_allocated * 2 : NODES_FIRST;
        size_t n_buckets = n_allocated * BUCKETS_PER_NODE;
        struct flame_node *nodes;
        int32_t *buckets;

        if (n_allocated > INT32_MAX)
                return -ENOMEM;

        nodes = reallocarray(tree->nodes, n_allocated, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;
        tree->nodes = nodes;

        buckets = reallocarray(NULL, n_buckets, sizeof(*buckets));
        if (!buckets)
                return -ENOMEM;
        free(tree->buckets);
        tree->buckets = buckets;
        tree->n_buckets = n_buckets;
        tree->n_allocated = n_allocated;

        for (size_t i = 0; i < n_buckets; i++)
                buckets[i] = FLAME_NONE;
        for (size_t i = 0; i < tree->n_nodes; i++) {
                struct flame_frame frame = flame_tree_frame(nodes + i);

                *flame_tree_bucket(tree, nodes[i].parent, &frame) = (int32_t)i;
        }
        return 0;
}

static int flame_tree_new_node(struct flame_tree *tree, int32_t parent, const struct flame_frame *frame,
                               int32_t *ret_node) {
        _cleanup_(freep) char *name = NULL, *module = NULL;
        int32_t index = (int32_t)tree->n_nodes;
        struct flame_node *node;
        int r;

        name = strdup(frame->name);
        if (frame->module)
                module = strdup(frame->module);
        if (!name || (frame->module && !module))
                return -ENOMEM;
        if (tree->n_nodes == tree->n_allocated) {
                r = flame_tree_grow(tree);
                if (r < 0)
                        return r;
        }

        *flame_tree_bucket(tree, parent, frame) = index;
        node = tree->nodes + tree->n_nodes++;
        *node = (struct flame_node){
                .name = TAKE_PTR(name),
                .module = TAKE_PTR(module),
                .context = frame->context,
                .parent = parent,
                .first_child = FLAME_NONE,
                .next_sibling = FLAME_NONE,
        };
        if (parent != FLAME_NONE) {
                node->depth = tree->nodes[parent].depth + 1;
                node->next_sibling = tree->nodes[parent].first_child;
                tree->nodes[parent].first_child = index;
        }
        *ret_node = index;
        return 0;
}

static int flame_tree_child(struct flame_tree *tree, int32_t parent, const struct flame_frame *frame,
                            int32_t *ret_node) {
        int32_t bucket = FLAME_NONE;

        if (tree->n_buckets > 0)
                bucket = *flame_tree_bucket(tree, parent, frame);
        if (bucket == FLAME_NONE)
                return flame_tree_new_node(tree, parent, frame, ret_node);

        *ret_node = bucket;
        return 0;
}

/* The i-th of the frames that are kept of a stack. */
static const struct flame_frame *flame_tree_kept(const struct flame_frame *frames, size_t n_frames,
                                                 size_t i) {
        static const struct flame_frame cut = { .name = "[cut]", .context = FLAME_OTHER };
        const size_t n_outer = FLAME_DEPTH_MAX / 2;

        if (n_frames <= FLAME_DEPTH_MAX || i < n_outer)
                return frames + i;
        if (i == n_outer)
                return &cut;
        return frames + n_frames - (FLAME_DEPTH_MAX - i);
}

static uint64_t flame_tree_sum(uint64_t a, uint64_t b) {
        uint64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

int flame_tree_add(struct flame_tree *tree, const struct flame_frame *frames, size_t n_frames,
                   uint64_t weight, uint64_t count) {
        static const struct flame_frame root = { .name = "all", .context = FLAME_TASK };
        size_t n_kept = MIN(n_frames, (size_t)FLAME_DEPTH_MAX);
        int32_t node;
        int r;

        r = flame_tree_child(tree, FLAME_NONE, &root, &node);
        for (size_t i = 0; r >= 0 && i < n_kept; i++)
                r = flame_tree_child(tree, node, flame_tree_kept(frames, n_frames, i), &node);
        if (r < 0)
                return r;

        for (; node != FLAME_NONE; node = tree->nodes[node].parent) {
                tree->nodes[node].weight = flame_tree_sum(tree->nodes[node].weight, weight);
                tree->nodes[node].count = flame_tree_sum(tree->nodes[node].count, count);
        }
        tree->n_stacks++;
        tree->n_cut += n_frames > n_kept;
        return 0;
}

static int flame_tree_compare(const void *a, const void *b, void *userdata) {
        const struct flame_node *nodes = userdata, *x = nodes + *(const int32_t *)a,
                                *y = nodes + *(const int32_t *)b;
        int r;

        r = strcmp(x->name, y->name);
        if (r == 0)
                r = flame_tree_compare_text(x->module, y->module);
        return r != 0 ? r : (int)x->context - (int)y->context;
}

static void flame_tree_sort_children(struct flame_tree *tree, int32_t parent, int32_t *scratch) {
        struct flame_node *nodes = tree->nodes;
        size_t n = 0;

        for (int32_t i = nodes[parent].first_child; i != FLAME_NONE; i = nodes[i].next_sibling)
                scratch[n++] = i;
        if (n < 2)
                return;

        qsort_r(scratch, n, sizeof(*scratch), flame_tree_compare, nodes);
        nodes[parent].first_child = scratch[0];
        for (size_t i = 0; i < n; i++)
                nodes[scratch[i]].next_sibling = i + 1 < n ? scratch[i + 1] : FLAME_NONE;
}

int flame_tree_sort(struct flame_tree *tree) {
        _cleanup_(freep) int32_t *scratch = NULL;

        scratch = reallocarray(NULL, tree->n_nodes + 1, sizeof(*scratch));
        if (!scratch)
                return -ENOMEM;

        for (size_t i = 0; i < tree->n_nodes; i++)
                flame_tree_sort_children(tree, (int32_t)i, scratch);
        return 0;
}

int32_t flame_tree_next(const struct flame_tree *tree, int32_t node, bool descend) {
        const struct flame_node *nodes = tree->nodes;

        if (descend && nodes[node].first_child != FLAME_NONE)
                return nodes[node].first_child;
        while (node != FLAME_NONE && nodes[node].next_sibling == FLAME_NONE)
                node = nodes[node].parent;
        return node == FLAME_NONE ? FLAME_NONE : nodes[node].next_sibling;
}

uint64_t flame_tree_self_weight(const struct flame_tree *tree, int32_t node) {
        uint64_t weight = tree->nodes[node].weight;

        for (int32_t i = tree->nodes[node].first_child; i != FLAME_NONE; i = tree->nodes[i].next_sibling)
                weight -= MIN(weight, tree->nodes[i].weight); /* less only where sums saturated */
        return weight;
}

uint64_t flame_tree_weight(const struct flame_tree *tree) {
        return tree->n_nodes > 0 ? tree->nodes[FLAME_ROOT].weight : 0;
}

uint64_t flame_tree_count(const struct flame_tree *tree) {
        return tree->n_nodes > 0 ? tree->nodes[FLAME_ROOT].count : 0;
}

void flame_layout_done(struct flame_layout *layout) {
        free(layout->boxes);
        *layout = (struct flame_layout){};
}

/* Fills boxes (NULL: only counts) with the frames of at least min_weight. */
static size_t flame_layout_place(const struct flame_tree *tree, double min_weight, struct flame_box *boxes,
                                 uint64_t *starts) {
        int32_t node = tree->n_nodes > 0 ? FLAME_ROOT : FLAME_NONE;
        size_t n = 0;

        /* starts[d]: the left edge of the next frame in row d */
        starts[0] = 0;
        while (node != FLAME_NONE) {
                const struct flame_node *at = tree->nodes + node;
                bool wide = node == FLAME_ROOT || (at->weight > 0 && (double)at->weight >= min_weight);

                if (wide && boxes)
                        boxes[n] = (struct flame_box){ .node = node, .start = starts[at->depth] };
                n += wide;
                starts[at->depth + 1] = starts[at->depth];
                starts[at->depth] = flame_tree_sum(starts[at->depth], at->weight);
                node = flame_tree_next(tree, node, wide);
        }
        return n;
}

static unsigned flame_layout_rows(const struct flame_tree *tree, const struct flame_layout *layout) {
        unsigned n_rows = 0;

        for (size_t i = 0; i < layout->n_boxes; i++)
                n_rows = MAX(n_rows, tree->nodes[layout->boxes[i].node].depth + 1);
        return n_rows;
}

int flame_layout_make(const struct flame_tree *tree, double width_pixels, double min_pixels,
                      size_t n_boxes_max, struct flame_layout *ret) {
        _cleanup_(flame_layout_done) struct flame_layout layout = {};
        uint64_t starts[FLAME_DEPTH_MAX + 2];
        double total = (double)flame_tree_weight(tree);

        assert(width_pixels > 0 && min_pixels > 0 && n_boxes_max > FLAME_DEPTH_MAX);

        layout.min_pixels = min_pixels;
        for (;;) {
                layout.n_boxes =
                        flame_layout_place(tree, total * layout.min_pixels / width_pixels, NULL, starts);
                if (layout.n_boxes <= n_boxes_max)
                        break;
                layout.min_pixels *= 2;
        }

        layout.boxes = reallocarray(NULL, layout.n_boxes + 1, sizeof(*layout.boxes));
        if (!layout.boxes)
                return -ENOMEM;
        (void)flame_layout_place(tree, total * layout.min_pixels / width_pixels, layout.boxes, starts);
        layout.n_merged = tree->n_nodes - layout.n_boxes;
        layout.n_rows = flame_layout_rows(tree, &layout);

        *ret = layout;
        layout = (struct flame_layout){};
        return 0;
}
