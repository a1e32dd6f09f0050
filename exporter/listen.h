/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Addresses as people write them ("[::1]:19955", "127.0.0.1:19955", "localhost:19955", ":19955") to a
 * listening socket.
 */

/* Splits into host and port; host "" is any address. The caller frees both. 0, -EINVAL, -ENOMEM. */
int listen_parse(const char *text, char **ret_host, char **ret_port);
/* 0; -EINVAL no address; -EADDRNOTAVAIL the name is not known; other -errno. */
int listen_on(const char *text, int *ret_fd);
