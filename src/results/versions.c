#include "strata/versions.h"

#include <stdio.h>

#include "strata/duck.h"

void strata_versions(char text[STRATA_VERSIONS_BYTES])
{
    (void)snprintf(text, STRATA_VERSIONS_BYTES, "strata " STRATA_VERSION " with DuckDB %s",
                   strata_duck_version());
}
