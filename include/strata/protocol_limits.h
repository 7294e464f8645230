/* Every bound of the control channel, in one place: sizes in bytes, times in milliseconds.  Text bounds of single fields
 * stand in proto/strata/v1/control.proto as well, for those who write other clients. */
#ifndef STRATA_PROTOCOL_LIMITS_H
#define STRATA_PROTOCOL_LIMITS_H

#define STRATA_PROTOCOL_VERSION 1u

#define STRATA_REQUEST_BYTES_MAX (1024 * 1024) /* larger: the connection is dropped */
#define STRATA_SMALL_REQUEST_BYTES_MAX 65536   /* of all kinds but assign and explain */
#define STRATA_REQUEST_FIELDS_MAX \
    135168 /* of a larger one: 131,072 texts and what is around them */
#define STRATA_REQUEST_MEMORY_BYTES \
    (32 * 1024 *                    \
     1024) /* that a request and its reply may take; what would unpack to more is refused */
#define STRATA_REPLY_BYTES_MAX (16 * 1024 * 1024) /* larger: CODE_TOO_LARGE */
#define STRATA_REQUEST_NAME_BYTES_MAX 256         /* a segment's name in a request */
#define STRATA_REQUEST_CLIENT_BYTES_MAX 64        /* Hello.client */
#define STRATA_REQUEST_KEY_BYTES_MAX 1024         /* a customer's key in a request */
#define STRATA_SUBSCRIPTION_BYTES_MAX 1024        /* larger: the connection is dropped */
#define STRATA_CONTROL_JSON_BYTES_MAX 65536
#define STRATA_PIECE_BYTES (1024 * 1024) /* of a reply that is handed out in pieces */
#define STRATA_WHOLE_BYTES_MAX \
    (256 << 20) /* of such a reply: a record's bound; larger: CODE_TOO_LARGE */
#define STRATA_METRICS_BYTES_MAX 65536      /* of the text of get_metrics */
#define STRATA_MANIFEST_BYTES_MAX (4 << 20) /* of a manifest.json that is read */
#define STRATA_EVENT_BYTES_MAX 2048         /* of a packed event: all that is in one is bounded */
#define STRATA_EVENTS_KEPT 2048             /* for who missed some; 25 s at the highest rate */
#define STRATA_EVENTS_A_REPLY 256

#define STRATA_REQUESTS_HWM \
    64 /* replies queued for one client, more are dropped; its requests, at its side */
#define STRATA_REQUESTS_TAKEN_HWM \
    16                       /* requests queued of one client at the server's; more are held back */
#define STRATA_EVENTS_HWM 64 /* events queued for one subscriber; more are dropped */
#define STRATA_CLIENT_TOKENS_S \
    20000 /* a client's tokens: a request costs one; that many come back in a second, and can be saved */
#define STRATA_REPLY_TOKEN_BYTES 8192 /* of a reply cost one more */
#define STRATA_AUDITED_TOKENS 20      /* what a command, or a look at a single customer, costs */
#define STRATA_LARGE_TOKEN_BYTES 4096 /* of a request over 64 KiB cost one token more */
#define STRATA_BUCKETS \
    1024 /* one for each client of the allow-list, or shared by connections without keys */
#define STRATA_RECENT_COMMANDS 256 /* that are known again when they are repeated */
#define STRATA_CONNECTION_BACKLOG \
    4096 /* not yet taken: a burst of strangers must not make a client wait for a second */
#define STRATA_HANDSHAKE_MS 1000 /* a connection that has not said who it is by then is closed */
#define STRATA_LINGER_MS 500     /* what is left to send at the end */

#define STRATA_CONTROL_PERIOD_MS \
    50 /* how often the control thread looks at the board: at most 20 events a second */
#define STRATA_REQUESTS_PER_TURN 64 /* answered before events get their turn */
#define STRATA_DRAIN_MS 250         /* requests answered after the last event */
#define STRATA_HEARTBEAT_MS 1000

#endif
