divert(-1)
ifdef(`_ACCESS_', `define(`_BLOCKLIST_', 1)', `_fault_(`FEATURE(blocklist_recipients) requires FEATURE(access_db)')')
