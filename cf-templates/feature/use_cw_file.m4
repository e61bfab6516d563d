divert(-1)
dnl use_cw_file: hosts of this site, from a file.
define(`_USE_CW_FILE_', 1)
