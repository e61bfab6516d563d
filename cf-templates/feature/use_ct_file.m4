divert(-1)
dnl use_ct_file: users who may speak for others, from a file.
_default_(`confCT_FILE', `MAIL_SETTINGS_DIR`'trusted-users')
define(`_USE_CT_FILE_', 1)
