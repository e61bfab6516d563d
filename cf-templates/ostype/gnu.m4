divert(-1)
#
# GNU/Hurd.
#
_default_(`LOCAL_MAILER_ARGS', `mail $u')
_default_(`LOCAL_MAILER_PATH', `/libexec/mail.local')
_default_(`STATUS_FILE', `/var/log/sendmail.st')
define(`confEBINDIR', `/libexec')
divert(-1)
