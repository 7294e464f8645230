/* Which programs made a file: what another version has kept is not gone on from. */
#ifndef STRATA_VERSIONS_H
#define STRATA_VERSIONS_H

#define STRATA_VERSIONS_BYTES 96

/* Those of this process: "strata 0.1.0 with DuckDB v1.4.4".  Not collective, any thread. */
void strata_versions(char text[STRATA_VERSIONS_BYTES]);

#endif
