/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues by the names of actions. There is no rule in the kernel, only habits: DEVICE-TxRx-N (Intel),
 * mlx5_compN@pci:..., virtioM-input.N and -output.N (drivers/net/virtio_net.c), nvmeMqN
 * (drivers/nvme/host/pci.c), DEVICE-qN-tx (xen-netfront), DRIVER0-msixN (storage).
 */

#include "daemon/collect/irq-topology.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { ACTION_MAX = 128 }; /* bytes that are looked at */

/* Vectors that are numbered but carry no packets or requests. */
static const char *const others[] = { "async", "config", "ctrl", "mgmnt", "misc", "event", "admin", "cmd" };

/* Words that a queue's number may follow without anything between. */
static const char *const words[] = { "q",  "queue", "comp", "msix", "vec", "rx",
                                     "tx", "txrx",  "rxtx", "fp",   "ring" };

static bool has_word(const char *text, const char *word) {
        return strcasestr(text, word) != NULL;
}

static bool is_other(const char *text) {
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (has_word(text, others[i]))
                        return true;

        return false;
}

/* Whether what stands before a number makes it a queue's: a separator, or one of the words. */
static bool precedes_queue(const char *text, size_t n) {
        size_t start = n;

        if (n == 0)
                return false;
        if (!isalpha((unsigned char)text[n - 1]))
                return true;

        while (start > 0 && isalpha((unsigned char)text[start - 1]))
                start--;
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strlen(words[i]) == n - start && strncasecmp(text + start, words[i], n - start) == 0)
                        return true;

        return false;
}

/* What is left of the name without the device's own, and without the bus address that some drivers add. */
static void strip_action(const char *action, const char *device, char *ret_text) {
        const char *own = device && *device ? strstr(action, device) : NULL;
        size_t n;

        if (own)
                action = own + strlen(device);
        else if (strncmp(action, "virtio", strlen("virtio")) == 0)
                action += strcspn(action, "-");

        n = MIN(strcspn(action, "@"), (size_t)ACTION_MAX - 1);
        memcpy(ret_text, action, n);
        ret_text[n] = '\0';
}

/* "-q3-tx": the direction may come last. */
static size_t queue_end(const char *text) {
        size_t n = strlen(text);

        if (n > 3 && (strcmp(text + n - 3, "-tx") == 0 || strcmp(text + n - 3, "-rx") == 0))
                n -= 3;
        return n;
}

void irq_queue_of_action(const char *action, const char *device, char *ret_queue) {
        char text[ACTION_MAX];
        size_t end, start;
        bool rx, tx;

        ret_queue[0] = '\0';
        if (strchr(action, ',')) /* shared by several */
                return;

        strip_action(action, device, text);
        start = end = queue_end(text);
        while (start > 0 && isdigit((unsigned char)text[start - 1]))
                start--;
        if (start == end || end - start > 9 || is_other(text) || !precedes_queue(text, start))
                return;

        rx = has_word(text, "rx") || has_word(text, "input");
        tx = has_word(text, "tx") || has_word(text, "output");
        (void)snprintf(ret_queue, IRQ_QUEUE_MAX, "%s%.*s",
                       rx == tx ? ""
                       : rx     ? "rx-"
                                : "tx-",
                       (int)(end - start), text + start);
}
