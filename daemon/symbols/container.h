/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container that a cgroup path belongs to, by the conventions of the runtimes: Docker, containerd (CRI
 * and nerdctl), CRI-O, podman, Kubernetes with either cgroup driver, ECS, LXC and LXD, systemd-nspawn and
 * libvirt's LXC machines. Pure text. A pod is not a container, a runtime's monitor (conmon) or service
 * is not in one, a virtual machine is none.
 */

/* *ret_id: the full id of 64 hex digits, or the name for LXC and machines; of nested containers the
 * innermost; owned by the caller. 0; -ENOENT when the path shows no container; -ENOMEM. */
int cgroup_container_id(const char *cgroup, char **ret_id);
