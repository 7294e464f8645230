/* Options of a job file under `control`. */
#include <string.h>

#include "config_impl.h"

#define JOB(field) offsetof(struct strata_config, field)
#define OPTIONS(name) .option = (name), .n_options = sizeof(name) / sizeof *(name)

static const struct option ports_options[] = {
    {.key = "from",
     .kind = KIND_COUNT,
     .at = JOB(control_port_from),
     .has_auto = true,
     .min = 1024,
     .max = 65535,
     .fallback = "auto",
     .help = "The lowest port that is tried; auto: the system chooses any that is free."},
    {.key = "to",
     .kind = KIND_COUNT,
     .at = JOB(control_port_to),
     .has_auto = true,
     .min = 1024,
     .max = 65535,
     .fallback = "auto",
     .help = "The highest. A job takes two of them."},
};

static const struct section ports_section = {.where = "ports", OPTIONS(ports_options)};

static const struct option control_options[] = {
    {.key = "endpoint",
     .kind = KIND_TEXT,
     .at = JOB(control_endpoint),
     .min = 1,
     .max = 200,
     .fallback = "ipc",
     .help = "Where control clients reach the job: ipc is a socket in the run directory; "
             "tcp://127.0.0.1:* is any free port of this host. Addresses that other hosts can reach "
             "need keys."},
    {.key = "interface",
     .kind = KIND_TEXT,
     .at = JOB(control_interface),
     .min = 1,
     .max = 64,
     .sample = "eth0",
     .help = "A network interface, or an address of this host, where control clients of other hosts "
             "reach the job, instead of an endpoint. Needs keys."},
    {.key = "ports",
     .kind = KIND_SECTION,
     .section = &ports_section,
     .help = "Which ports an interface, or an endpoint with *, may take."},
    {.key = "keys",
     .kind = KIND_PATH,
     .at = JOB(control_keys),
     .sample = "keys",
     .help = "A folder made by strata keygen: the server's key and the list of clients with their "
             "roles. Nobody else gets an answer. Relative to the job file's folder."},
    {.key = "required",
     .kind = KIND_FLAG,
     .at = JOB(control_required),
     .fallback = "yes",
     .words = &strata_words_flag,
     .help = "Whether a job that cannot listen fails; otherwise it says so and runs without."},
};

static bool take_control(const struct node *node, void *base)
{
    const bool on = strcmp(node->text, "on") == 0;
    if (!on && strcmp(node->text, "off") != 0) return false;
    ((struct strata_config *)base)->control_on = on;
    return true;
}

static const char *control_shortcut(const void *base)
{
    return ((const struct strata_config *)base)->control_on ? NULL : "off";
}

const struct section strata_section_control = {.where = "control",
                                               OPTIONS(control_options),
                                               .shortcut = "on or off",
                                               .take_shortcut = take_control,
                                               .shortcut_of = control_shortcut};
