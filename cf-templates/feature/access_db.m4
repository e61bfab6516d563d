divert(-1)
dnl access_db: a table of who may connect, send and receive.
_table_(`access', defn(`_ARG_'), `access', `access', `-T<TMPF>')
define(`_ACCESS_', 1)
ifelse(defn(`_ARG_'), `', `', defn(`_ARG_'), `LDAP', `', `ifelse(index(defn(`_ARG_'), `-T<TMPF>'), -1, `_warn_(`missing -T<TMPF> in argument of FEATURE(`access_db',' defn(`_ARG_')`)')')')
define(`_access_word_', `ifelse(`$1', `skip', `define(`_ACCESS_SKIP_', 1)', `$1', `lookupdotdomain', `define(`_LOOKUP_DOT_', 1)', `$1', `relaytofulladdress', `define(`_RELAY_FULL_ADDR_', 1)', `$1', `', `', `_warn_(`unknown argument $1 of FEATURE(`access_db')')')')
_access_word_(_ARG2_)
_access_word_(_ARG3_)
_access_word_(_ARG4_)
