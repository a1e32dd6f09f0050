/* SPDX-License-Identifier: Apache-2.0 */

#include "offline/serve.h"

#include <string.h>
#include <sys/epoll.h>

#include "build-config.h"
#include "daemon/ipc/json-writer.h"
#include "daemon/ipc/monitor.h"
#include "daemon/ipc/server.h"

static const char description[] = "# What \"irqctl --input\" reads.\n"
                                  "interface io.irqwatch.input\n"
                                  "\n"
                                  "# What there is of time, and what is less than one might think.\n"
                                  "method GetRecord() -> (sinceUsec: int, untilUsec: int, notes: []string)\n";

static int get_record(struct varlink_call *call, struct json_object *parameters _unused_, void *userdata) {
        struct json_writer writer = json_writer_object(), notes = json_writer_array();
        const struct input *input = userdata;
        struct json_object *object;
        int r;

        for (size_t i = 0; i < input->n_notes; i++)
                json_append(&notes, json_text(input->notes[i], strlen(input->notes[i])));
        json_set_u64(&writer, "sinceUsec", input->record.since_us);
        json_set_u64(&writer, "untilUsec", input->record.now_us);
        json_set_writer(&writer, "notes", &notes);
        r = json_writer_finish(&writer, &object);
        return r < 0 ? r : varlink_call_reply(call, object);
}

static const struct varlink_method methods[] = { { "GetRecord", NULL, 0, get_record }, {} };

static int get_status(void *userdata, struct status *ret_status) {
        return input_get_status(userdata, ret_status);
}

/* What alerts there were, and settings, is the record's to say: see monitor_use_record(). */
static const struct monitor_ops ops = { .get_status = get_status };

static int on_history(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_,
                      void *userdata) {
        history_collect(userdata);
        return 0;
}

/* After every turn: the peer is the only one there ever is. */
static int on_turn(sd_event_source *source, void *userdata) {
        struct varlink_server_stats stats;

        varlink_server_get_stats(userdata, &stats);
        return stats.n_connections == 0 ? sd_event_exit(sd_event_source_get_event(source), 0) : 0;
}

static void loop_unrefp(sd_event **event) {
        (void)sd_event_unref(*event); /* returns NULL */
}

static int run(struct input *input, sd_event *event, struct varlink_server *server, int fd) {
        int r;

        if (input->history) {
                r = sd_event_add_io(event, NULL, history_fd(input->history, 1), EPOLLIN, on_history,
                                    input->history);
                if (r < 0)
                        return r;
        }

        r = varlink_server_take_connection(server, fd);
        if (r >= 0)
                r = sd_event_add_post(event, NULL, on_turn, server);
        return r < 0 ? r : sd_event_loop(event);
}

int input_serve(struct input *input, int fd) {
        static const struct varlink_server_info info = {
                .vendor = "irqwatch",
                .product = "irqctl",
                .version = VERSION,
                .url = "https://irqwatch.io",
        };
        static const struct varlink_server_limits limits = {
                .n_connections_max = 1,
                .n_connections_per_uid_max = 1,
                .n_streams_max = 1,
                .output_bytes_max = 4 * 1024 * 1024,
        };
        const struct varlink_interface record = {
                .name = "io.irqwatch.input",
                .description = description,
                .methods = methods,
                .userdata = input,
        };
        const struct varlink_interface *interfaces[] = { NULL, &record, NULL };
        _cleanup_(loop_unrefp) sd_event *event = NULL;
        _cleanup_(monitor_freep) struct monitor *monitor = NULL;
        _cleanup_(varlink_server_freep) struct varlink_server *server = NULL;
        _cleanup_(closep) int owned = fd;
        int r;

        if ((r = sd_event_new(&event)) < 0 || (r = monitor_new(input->store, &ops, input, &monitor)) < 0)
                return r;

        monitor_use_record(monitor, &input->record);
        if (input->history)
                monitor_use_history(monitor, input->history);
        interfaces[0] = monitor_interface(monitor);
        r = varlink_server_new(event, &info, interfaces, &limits, &server);
        if (r < 0)
                return r;
        return run(input, event, server, TAKE_FD(owned));
}
