divert(-1)
_note_(`FEATURE(blacklist_recipients) is deprecated; use FEATURE(blocklist_recipients.m4).')
define(`_BLOCKLIST_', 1)
