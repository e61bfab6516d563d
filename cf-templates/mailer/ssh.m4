divert(-1)
dnl ssh.m4 - SMTP through an ssh connection.
ifdef(`SSH_MAILER_USER', `', `errprint(`*** SSH_MAILER_USER must be defined before MAILER(`ssh').
')')
ifdef(`SSH_MAILER_DIR', `', `errprint(`*** SSH_MAILER_DIR must be defined before MAILER(`ssh').
')')
_default_(`SSH_MAILER_PATH', `/usr/bin/ssh')
_default_(`SSH_MAILER_ARGS', `ssh -o BatchMode=yes -o EscapeChar=none  -- $h /usr/sbin/sendmail -bs')
divert(7)dnl

#
# SMTP through ssh
#
_by_(`mailer_ssh')dnl
Mssh,		P=SSH_MAILER_PATH, F=_flags_(`SSH', mDFMuX`'ifdef(`SSH_MAILER_FLAGS', `SSH_MAILER_FLAGS')), S=EnvFromSMTP/HdrFromSMTP, R=_smtp_recipient_, E=\r\n, L=990,
		T=DNS/RFC822/SMTP,_eq_(`SSH_MAILER_QGRP', `Q') U=SSH_MAILER_USER, D=SSH_MAILER_DIR,
		A=SSH_MAILER_ARGS
divert(-1)
