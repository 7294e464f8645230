# Every version and checksum that the build pins: what is not taken from the system's packages.
# CMake includes this file, and deploy/install-dependencies reads the lines `set(NAME VALUE)`.

set(STRATA_PINNED_DUCKDB 1.4.4)

# The official libduckdb.so, in the npm package that carries it for each processor.
set(STRATA_DUCKDB_x86_64_PACKAGE @duckdb/node-bindings-linux-x64@1.4.4-r.4)
set(STRATA_DUCKDB_x86_64_SHA256 732fac4dc6b8f198870b9c4bb6ddf13544466daca00ad28ba2f1d80de5d7aa4b)
set(STRATA_DUCKDB_aarch64_PACKAGE @duckdb/node-bindings-linux-arm64@1.4.4-r.3)
set(STRATA_DUCKDB_aarch64_SHA256 7a3b62c524849af848b2d4e278bad56324e20f5e8b1d3fe3acd324ead28e1e0c)

# Its header, in the npm package that carries the source.
set(STRATA_DUCKDB_SOURCE_PACKAGE duckdb@1.4.4)
set(STRATA_DUCKDB_SOURCE_SHA256 5bb967dcbcd517670ba5f169f238fb9d6787e53752c60ebe24386169d76941ed)

# Apache ECharts, inlined into report.html.
set(STRATA_ECHARTS_PACKAGE echarts@5.6.0)
set(STRATA_ECHARTS_SHA256 e1b82487dd7f8d9f0438eec1f1433051148e0095ac7a15d4db890afda45cf610)

# axe-core, with which the tests look at report.html.
set(STRATA_AXE_PACKAGE axe-core@4.14.1)
set(STRATA_AXE_SHA256 e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745)

# For Node, in which the tests have a control client: the two libraries, and what each of them needs.
set(STRATA_ZEROMQ_PACKAGE zeromq@6.5.0)
set(STRATA_ZEROMQ_SHA256 330abac242c3a7b867773ec20056f8e5902ca390b405ceb3d600da1b82fdb81c)
set(STRATA_CMAKE_TS_PACKAGE cmake-ts@1.0.2)
set(STRATA_CMAKE_TS_SHA256 e616670aed3a6dd9ccf929b7941f68108e1c9a52e4979da0aac7eb79dfa78885)
set(STRATA_PROTOBUFJS_PACKAGE protobufjs@8.8.1)
set(STRATA_PROTOBUFJS_SHA256 1e32c0bc7535f2d5e82b56e59b40be340d08a1eeb751db6cb8b8f8db9e5b345a)
set(STRATA_LONG_PACKAGE long@5.3.2)
set(STRATA_LONG_SHA256 68033e466773df7d52c9e59341bb729d83716cd920c56460395724456d646b26)
