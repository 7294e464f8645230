#include "rate.h"

#include "strata/protocol_limits.h"

bool strata_bucket_take(struct strata_bucket *bucket, double n, double now_s)
{
    const double passed_s = now_s > bucket->seen_s ? now_s - bucket->seen_s : 0;
    const double left = bucket->spent - passed_s * STRATA_CLIENT_TOKENS_S;
    bucket->spent = left > 0 ? left : 0;
    bucket->seen_s = now_s;
    if (bucket->spent + n > STRATA_CLIENT_TOKENS_S) return false;
    bucket->spent += n;
    return true;
}
