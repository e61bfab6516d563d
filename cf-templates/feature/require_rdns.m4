divert(-1)
dnl require_rdns: clients need a name that is theirs, or an entry in the table.
ifdef(`_ACCESS_', `', `_fault_(`FEATURE(`require_rdns') requires FEATURE(`access_db')')')
define(`_REQUIRE_RDNS_', 1)
