/* SPDX-License-Identifier: Apache-2.0 */

/*
 * org.varlink.service: what every varlink service tells about itself.
 */

#include <string.h>

#include "common/json-build.h"
#include "daemon/ipc/server-internal.h"

static const char service_description[] =
        "# What every varlink service tells about itself.\n"
        "interface org.varlink.service\n"
        "\n"
        "# Who made this service, and the names of all its interfaces.\n"
        "method GetInfo() -> (\n"
        "  vendor: string,\n"
        "  product: string,\n"
        "  version: string,\n"
        "  url: string,\n"
        "  interfaces: []string\n"
        ")\n"
        "\n"
        "# The description of one of its interfaces, in this language.\n"
        "method GetInterfaceDescription(interface: string) -> (description: string)\n"
        "\n"
        "# There is no such interface here.\n"
        "error InterfaceNotFound (interface: string)\n"
        "\n"
        "# The interface has no such method.\n"
        "error MethodNotFound (method: string)\n"
        "\n"
        "# The interface has this method, but this service does not implement it.\n"
        "error MethodNotImplemented (method: string)\n"
        "\n"
        "# A parameter is unknown, missing or wrong.\n"
        "error InvalidParameter (parameter: string)\n"
        "\n"
        "# The caller may not do this.\n"
        "error PermissionDenied ()\n"
        "\n"
        "# The method answers only calls with \"more\".\n"
        "error ExpectedMore ()\n";

const struct varlink_interface *service_find(const struct varlink_server *server, const char *name) {
        if (strcmp(server->service.name, name) == 0)
                return &server->service;
        for (size_t i = 0; server->interfaces[i]; i++)
                if (strcmp(server->interfaces[i]->name, name) == 0)
                        return server->interfaces[i];
        return NULL;
}

static int service_interfaces(const struct varlink_server *server, struct json_object **ret_names) {
        _cleanup_(json_putp) struct json_object *names = NULL;
        int r;

        names = json_object_new_array();
        if (!names)
                return -ENOMEM;

        for (size_t i = 0; server->interfaces[i]; i++) {
                r = json_array_append(names, json_object_new_string(server->interfaces[i]->name));
                if (r < 0)
                        return r;
        }
        r = json_array_append(names, json_object_new_string(server->service.name));
        if (r < 0)
                return r;

        *ret_names = TAKE_PTR(names);
        return 0;
}

static int service_get_info(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        const struct varlink_server *server = userdata;
        const struct varlink_server_info *info = &server->info;
        _cleanup_(json_putp) struct json_object *reply = NULL, *names = NULL;
        int r;

        reply = json_object_new_object();
        if (!reply)
                return -ENOMEM;

        r = json_add_text(reply, "vendor", info->vendor);
        if (r >= 0)
                r = json_add_text(reply, "product", info->product);
        if (r >= 0)
                r = json_add_text(reply, "version", info->version);
        if (r >= 0)
                r = json_add_text(reply, "url", info->url);
        if (r >= 0)
                r = service_interfaces(server, &names);
        if (r >= 0)
                r = json_add(reply, "interfaces", TAKE_PTR(names));
        if (r < 0)
                return r;

        return varlink_call_reply(call, TAKE_PTR(reply));
}

static int service_get_description(struct varlink_call *call, struct json_object *parameters,
                                   void *userdata) {
        const struct varlink_server *server = userdata;
        const struct varlink_interface *interface;
        _cleanup_(json_putp) struct json_object *reply = NULL;
        const char *name;
        int r;

        name = json_object_get_string(json_object_object_get(parameters, "interface"));
        interface = service_find(server, name);
        if (!interface)
                return call_error_about(call, "org.varlink.service.InterfaceNotFound", "interface", name);

        reply = json_object_new_object();
        if (!reply)
                return -ENOMEM;
        r = json_add_text(reply, "description", interface->description);
        if (r < 0)
                return r;

        return varlink_call_reply(call, TAKE_PTR(reply));
}

static const struct varlink_method service_methods[] = {
        { .name = "GetInfo", .fn = service_get_info },
        { .name = "GetInterfaceDescription",
          .fields = (const struct varlink_field[]){ { "interface", VARLINK_STRING, true }, {} },
          .fn = service_get_description },
        {},
};

void service_init(struct varlink_interface *service, struct varlink_server *server) {
        *service = (struct varlink_interface){
                .name = "org.varlink.service",
                .description = service_description,
                .methods = service_methods,
                .userdata = server,
        };
}
