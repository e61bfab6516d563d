divert(-1)
dnl debian_auth.m4 - logins of this host at others: where they stand, and who
dnl may speak for users.
_default_(`confDEF_AUTH_INFO', `/etc/mail/default-auth-info')
define(`confTRUSTED_USERS', `sendmail'ifdef(`confTRUSTED_USERS', ` confTRUSTED_USERS'))
