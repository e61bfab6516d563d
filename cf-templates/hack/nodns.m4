divert(-1)
dnl nodns.m4 - a host that must not wait for a name server.
define(`confDONT_PROBE_INTERFACES', `True')
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch-nodns')
