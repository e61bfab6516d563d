divert(-1)
_default_(`confCT_FILE', `MAIL_SETTINGS_DIR`'trusted-users')
ifdef(`_ct_file_', `', `define(`_ct_file_', 1)_into_(110)Ft`'confCT_FILE
_back_()')
