divert(-1)
ifdef(`_ACCESS_', `define(`_LOOKUP_DOT_', 1)', `_fault_(`FEATURE(`lookupdotdomain') requires FEATURE(`access_db')')')
