/* strata keygen: CURVE keys of the control channel. */
#include <stdio.h>

#include "strata/keyring.h"
#include "strata_app.h"

static void tell(const char *directory, bool made_server, const struct strata_arguments *arguments)
{
    if (made_server)
        (void)printf("%s/" STRATA_SERVER_KEY_FILE
                     "   the server's: control: {keys: ...} in the job file\n",
                     directory);
    for (size_t i = 0; i < arguments->n_clients; i++) {
        int n_name = 0;
        while (arguments->client[i][n_name] != ':') n_name++; /* it has been read before */
        (void)printf("%s/%.*s   for %.*s alone: stratactl --keys\n", directory, n_name,
                     arguments->client[i], n_name, arguments->client[i]);
    }
    if (arguments->n_clients == 0)
        (void)printf("No client is allowed yet: strata keygen %s --client NAME:ROLE adds one.\n",
                     directory);
}

strata_status strata_app_keygen(struct strata_comm *comm, const struct strata_arguments *arguments,
                                struct strata_arena *keep, struct strata_err *err)
{
    (void)keep;
    bool made_server = false;
    if (comm->rank != 0) return STRATA_OK;
    STRATA_TRY(strata_keyring_make(arguments->operand, arguments->client, arguments->n_clients,
                                   &made_server, err));
    tell(arguments->operand, made_server, arguments);
    return STRATA_OK;
}
