divert(-1)
dnl cyrusv2.m4 - a Cyrus mail store, by LMTP.
_default_(`CYRUSV2_MAILER_FLAGS', `A@/:|m')
_default_(`CYRUSV2_MAILER_ARGS', `FILE /var/run/cyrus/socket/lmtp')
divert(7)dnl

#
# Cyrus mailboxes, by LMTP
#
_by_(`mailer_cyrusv2')dnl
Mcyrusv2,	P=[IPC], F=_flags_(`CYRUSV2', `lsDFMnqXz'CYRUSV2_MAILER_FLAGS), S=EnvFromSMTP/HdrFromL, R=EnvToL/HdrToL, E=\r\n,_eq_(`CYRUSV2_MAILER_MAXMSGS', `m')_eq_(`CYRUSV2_MAILER_MAXRCPTS', `r')_eq_(`CYRUSV2_MAILER_CHARSET', `C')
		T=DNS/RFC822/SMTP,_eq_(`CYRUSV2_MAILER_QGRP', `Q')
		A=CYRUSV2_MAILER_ARGS
divert(-1)
