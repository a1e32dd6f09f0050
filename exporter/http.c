/* SPDX-License-Identifier: Apache-2.0 */

#include "exporter/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "build-config.h"
#include "client/message.h"
#include "client/metrics-ask.h"
#include "client/metrics-families.h"
#include "exporter/negotiate.h"

enum {
        THREADS = 2, /* a scrape that waits for the daemon does not keep another one waiting */
        CONNECTIONS_MAX = 32,
        IDLE_SECONDS = 120, /* longer than scrapers pause: they keep their connection */
        REQUEST_MEMORY = 16 * 1024,
        GZIP_LEVEL = 1, /* most of the gain for little of the time */
        REASON_MAX = 256,
};

struct http {
        struct MHD_Daemon *mhd;
        const struct http_options *options;
        http_state_fn on_state;
        pthread_mutex_t lock; /* of down */
        bool down;            /* told already */
};

static const char index_page[] =
        "<!DOCTYPE html><html lang=\"en\"><head><title>irqwatch-exporter</title></head><body>"
        "<h1>irqwatch-exporter " VERSION
        "</h1><p><a href=\"/metrics\">Metrics</a> of irqwatchd.</p></body></html>\n";

static uint64_t http_now(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void tell_state(struct http *http, const char *reason) {
        (void)pthread_mutex_lock(&http->lock); /* cannot fail: a plain mutex, never held by the caller */
        if (http->down != (reason != NULL)) {
                http->down = reason != NULL;
                http->on_state(reason);
        }
        (void)pthread_mutex_unlock(&http->lock); /* likewise */
}

/* Why there are no answers, for the log. */
static void describe_failure(const struct http *http, int r, const char *error, char *buf) {
        _cleanup_(freep) char *text = NULL;

        if (error)
                (void)snprintf(buf, REASON_MAX, "irqwatchd answers %s: is it of another version?", error);
        else if (r == -ETIMEDOUT)
                (void)snprintf(buf, REASON_MAX, "irqwatchd did not answer within the scraper's timeout");
        else if (r == -EBADMSG)
                (void)snprintf(buf, REASON_MAX, "what listens on %s does not speak as irqwatchd does",
                               http->options->socket_path);
        else {
                text = connect_error_text(http->options->socket_path, r);
                (void)snprintf(buf, REASON_MAX, "%s", text ?: "out of memory");
        }
}

static int ask(const struct http *http, uint64_t timeout_ns, struct metrics_answers *ret_answers,
               char **ret_error) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        const struct metrics_request request = {
                .interrupts_per_cpu = http->options->interrupts_per_cpu,
                .deadline_ns = http_now() + timeout_ns,
        };
        int r;

        r = varlink_client_connect(http->options->socket_path, timeout_ns, &client);
        return r < 0 ? r : metrics_ask(client, &request, ret_answers, ret_error);
}

/* Without the daemon there still is a text, which says so. 0 or -ENOMEM. */
static int scrape(struct http *http, uint64_t timeout_ns, enum metrics_format format, char **ret_text,
                  size_t *ret_size) {
        _cleanup_(metrics_answers_done) struct metrics_answers answers = {};
        _cleanup_(freep) char *error = NULL;
        char reason[REASON_MAX];
        size_t n_samples;
        int r;

        r = ask(http, timeout_ns, &answers, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                describe_failure(http, r, error, reason);
        tell_state(http, r < 0 ? reason : NULL);

        return metrics_render(r < 0 ? NULL : &answers, format, ret_text, ret_size, &n_samples);
}

/* 0, or -ENOMEM. */
static int compress_text(const char *text, size_t size, char **ret_data, size_t *ret_size) {
        _cleanup_(freep) char *data = NULL;
        z_stream stream = {};
        size_t bound;
        int r;

        /* 16 more than the size of the window: with gzip's header (zlib.h, deflateInit2()). */
        if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, MAX_WBITS + 16, MAX_MEM_LEVEL,
                         Z_DEFAULT_STRATEGY) != Z_OK)
                return -ENOMEM;

        bound = deflateBound(&stream, size);
        data = malloc(bound);
        stream.next_in = (Bytef *)text;
        stream.avail_in = (uInt)size;
        stream.next_out = (Bytef *)data;
        stream.avail_out = (uInt)bound;
        r = data && size <= UINT32_MAX / 2 ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
        *ret_size = stream.total_out;
        (void)deflateEnd(&stream); /* frees; what it says of unfinished data is known from deflate() */
        if (r != Z_STREAM_END)
                return -ENOMEM;

        *ret_data = TAKE_PTR(data);
        return 0;
}

/* Takes the data. */
static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type,
                               bool gzip, char *data, size_t size) {
        struct MHD_Response *response;
        enum MHD_Result r;

        response = MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                free(data);
                return MHD_NO;
        }

        r = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        if (r == MHD_YES)
                r = MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
        if (r == MHD_YES && gzip)
                r = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
        if (r == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED)
                r = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        if (r == MHD_YES)
                r = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response); /* drops our reference */
        return r;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, unsigned status, const char *type,
                                    const char *text) {
        char *copy = strdup(text);

        return copy ? respond(connection, status, type, false, copy, strlen(copy)) : MHD_NO;
}

static const char *header(struct MHD_Connection *connection, const char *name) {
        return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result serve_metrics(struct http *http, struct MHD_Connection *connection) {
        enum metrics_format format = negotiate_format(header(connection, MHD_HTTP_HEADER_ACCEPT));
        bool gzip = negotiate_gzip(header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING));
        uint64_t timeout_ns = negotiate_timeout_ns(header(connection, "X-Prometheus-Scrape-Timeout-Seconds"));
        _cleanup_(freep) char *text = NULL, *compressed = NULL;
        size_t size;

        if (scrape(http, timeout_ns, format, &text, &size) < 0)
                return respond_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain",
                                    "out of memory\n");
        if (gzip) {
                size_t compressed_size;

                gzip = compress_text(text, size, &compressed, &compressed_size) == 0;
                size = gzip ? compressed_size : size;
        }

        return respond(connection, MHD_HTTP_OK, negotiate_content_type(format), gzip,
                       gzip ? TAKE_PTR(compressed) : TAKE_PTR(text), size);
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request) {
        static int seen;
        struct http *http = userdata;

        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
                return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "GET or HEAD\n");
        if (!*request) { /* the headers are in; the answer belongs to the call after that, microhttpd.h says
                          */
                *request = &seen;
                return MHD_YES;
        }
        if (*upload_size > 0) { /* the body of a GET: read and forgotten */
                *upload_size = 0;
                return MHD_YES;
        }

        if (strcmp(url, "/metrics") == 0)
                return serve_metrics(http, connection);
        if (strcmp(url, "/") == 0)
                return respond_text(connection, MHD_HTTP_OK, "text/html; charset=utf-8", index_page);
        return respond_text(connection, MHD_HTTP_NOT_FOUND, "text/plain", "There is /metrics.\n");
}

int http_new(int fd, const struct http_options *options, http_state_fn on_state, struct http **ret_http) {
        _cleanup_(closep) int owned = fd;
        struct http *http;

        http = calloc(1, sizeof(*http));
        if (!http)
                return -ENOMEM;

        http->options = options;
        http->on_state = on_state;
        (void)pthread_mutex_init(&http->lock, NULL); /* cannot fail without attributes */
        http->mhd =
                MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO, 0, NULL, NULL, on_request,
                                 http, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
                                 (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MEMORY, MHD_OPTION_END);
        if (!http->mhd) {
                free(http);
                return -EIO;
        }

        (void)TAKE_FD(owned); /* libmicrohttpd closes it */
        *ret_http = http;
        return 0;
}

struct http *http_free(struct http *http) {
        if (!http)
                return NULL;

        MHD_stop_daemon(http->mhd);
        (void)pthread_mutex_destroy(&http->lock); /* nobody holds it any more */
        free(http);
        return NULL;
}
