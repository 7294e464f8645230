/* Mutated requests to a server that listens, as one client of its allow-list.
 *     control_storm ENDPOINT KEYS CORPUS N SEED
 * Each must get one reply, whatever it is.  Prints how many were sent and answered; less are answered when the server has
 * left meanwhile. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "strata/keys.h"

#include "wire_mutate.h"

enum { INPUTS_MAX = 512, BYTES_MAX = 8192, OPEN_MAX = 32, PATIENCE_MS = 3000 };

static struct {
    uint8_t data[BYTES_MAX / 4];
    size_t size;
} input[INPUTS_MAX];
static size_t n_inputs;

static void die(const char *what)
{
    (void)fprintf(stderr, "storm: %s\n", what);
    exit(EXIT_FAILURE);
}

/* The corpus of tests/fuzz: the first byte of a file is not the request's. */
static void read_corpus(const char *folder)
{
    struct dirent **entry = NULL;
    const int n = scandir(folder, &entry, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
        FILE *file = entry[i]->d_name[0] == '.' ? NULL : fopen(path, "rb");
        free(entry[i]);
        if (!file || n_inputs == INPUTS_MAX) continue;
        if (fgetc(file) != EOF)
            input[n_inputs].size = fread(input[n_inputs].data, 1, sizeof input->data, file);
        n_inputs++;
        (void)fclose(file);
    }
    free(entry);
    if (n_inputs == 0) die("the corpus is empty");
}

static void *connect_as(void *context, const char *endpoint, const char *keys)
{
    struct strata_key_file key = {.name = ""};
    struct strata_err err = {0};
    char path[1024];
    const int none = 0, patience = PATIENCE_MS;
    (void)snprintf(path, sizeof path, "%s/%s", keys, STRATA_CLIENT_KEY_FILE);
    if (strata_key_file_read(path, &key, &err) != STRATA_OK) die(err.text);
    void *socket = zmq_socket(context, ZMQ_DEALER);
    if (!socket || zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) != 0 ||
        zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, key.server_key, STRATA_KEY_TEXT) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, key.public_key, STRATA_KEY_TEXT) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key.secret_key, STRATA_KEY_TEXT) != 0 ||
        zmq_connect(socket, endpoint) != 0)
        die("cannot connect");
    return socket;
}

static size_t make(struct wire_random *random, uint8_t *data)
{
    const size_t which = wire_below(random, n_inputs);
    size_t size = input[which].size;
    memcpy(data, input[which].data, size);
    for (size_t n = wire_below(random, 4); n > 0; n--)
        size = wire_mutate(data, size, BYTES_MAX, 0, random);
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t data[BYTES_MAX];
    if (argc != 6) die("ENDPOINT KEYS CORPUS N SEED");
    const size_t n = strtoull(argv[4], NULL, 10);
    struct wire_random random = {strtoull(argv[5], NULL, 10)};
    size_t n_sent = 0, n_answered = 0;
    read_corpus(argv[3]);
    void *context = zmq_ctx_new();
    void *socket = connect_as(context, argv[1], argv[2]);
    while (n_answered < n) {
        for (; n_sent < n && n_sent - n_answered < OPEN_MAX; n_sent++)
            if (zmq_send(socket, data, make(&random, data), 0) < 0) die("cannot send");
        if (zmq_recv(socket, data, sizeof data, 0) < 0) break; /* nobody is there any more */
        n_answered++;
    }
    printf("{\"sent\": %zu, \"answered\": %zu}\n", n_sent, n_answered);
    (void)zmq_close(socket);
    (void)zmq_ctx_term(context);
    return EXIT_SUCCESS;
}
