divert(-1)
_note_(`FEATURE(blacklist_recipients) is deprecated; use FEATURE(blocklist_recipients.m4).')
ifdef(`_ACCESS_', `define(`_BLOCKLIST_', 1)', `_fault_(`FEATURE(blocklist_recipients) requires FEATURE(access_db)')')
