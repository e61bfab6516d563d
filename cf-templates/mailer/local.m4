divert(-1)
dnl local.m4 - users of this host, and programs that run for them.
_default_(`LOCAL_MAILER_FLAGS', `Prmn9')
_default_(`LOCAL_MAILER_PATH', `/bin/mail')
_default_(`LOCAL_MAILER_ARGS', `mail -d $u')
_default_(`LOCAL_MAILER_DSN_DIAGNOSTIC_CODE', `X-Unix')
_default_(`LOCAL_SHELL_FLAGS', `eu9')
_default_(`LOCAL_SHELL_PATH', `/bin/sh')
_default_(`LOCAL_SHELL_ARGS', `sh -c $u')
_default_(`LOCAL_SHELL_DIR', `$z:/')
dnl A mailer that speaks LMTP takes the sender as SMTP does.
define(`_local_flags_', `_flags_(`LOCAL', _LOCAL_BASE_`'LOCAL_MAILER_FLAGS)')
define(`_local_sender_', `ifdef(`_LOCAL_LMTP_', `EnvFromSMTP', `EnvFromL')')
divert(7)dnl

#
# Local users and programs
#
_by_(`mailer_local')dnl
# What a local mailer makes of the envelope sender: the null sender has a name
# here, and names get the domain that the site always adds.
SEnvFromL
R< @ >			$n
R@ < @ $* >		$n
R$+			$: $>AddDomain $1
ifdef(`_local_no_masq_', `', `R$+			$@ $>MasqEnv $1
')dnl

# Recipients are users: the host is of no interest any more.
SEnvToL
R$+ < @ $* >		$: $1

# Senders in header fields.
SHdrFromL
R< @ >			$n
R@ < @ $* >		$n
R$+			$: $>AddDomain $1
ifdef(`_local_no_masq_', `', `R$+			$@ $>MasqHdr $1
')dnl

# Recipients in header fields.
SHdrToL
R$+			$: $>AddDomain $1
ifdef(`_ALL_MASQUERADE_', `ifdef(`_local_no_masq_', `', `R$+			$@ $>MasqHdr $1
')', `R$* < @ *LOCAL* > $*	$: $1 < @ $j . > $2
')dnl

Mlocal,		P=LOCAL_MAILER_PATH, F=_local_flags_, S=_local_sender_/HdrFromL, R=EnvToL/HdrToL,_eq_(`LOCAL_MAILER_EOL', `E')_eq_(`LOCAL_MAILER_MAX', `M')_eq_(`LOCAL_MAILER_MAXMSGS', `m')_eq_(`LOCAL_MAILER_MAXRCPTS', `r')_eq_(`LOCAL_MAILER_CHARSET', `C')
		T=DNS/RFC822/LOCAL_MAILER_DSN_DIAGNOSTIC_CODE,_eq_(`LOCAL_MAILER_QGRP', `Q')
		A=LOCAL_MAILER_ARGS
Mprog,		P=LOCAL_SHELL_PATH, F=_flags_(`SHELL', _SHELL_BASE_`'LOCAL_SHELL_FLAGS), S=EnvFromL/HdrFromL, R=EnvToL/HdrToL, D=LOCAL_SHELL_DIR,_eq_(`LOCAL_MAILER_MAX', `M')
		T=X-Unix/X-Unix/X-Unix,_eq_(`LOCAL_PROG_QGRP', `Q')
		A=LOCAL_SHELL_ARGS
divert(-1)
