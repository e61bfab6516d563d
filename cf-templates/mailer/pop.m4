divert(-1)
dnl pop.m4 - user.POP: into the mailbox of a POP server of this host.
_default_(`POP_MAILER_PATH', `/usr/lib/mh/spop')
_default_(`POP_MAILER_FLAGS', `Penu')
_default_(`POP_MAILER_ARGS', `pop $u')
_pseudo_(`POP')
divert(131)dnl
R$+ < @ POP. >		$#pop $: $1
divert(7)dnl

#
# POP mailboxes
#
_by_(`mailer_pop')dnl
Mpop,		P=POP_MAILER_PATH, F=_flags_(`POP', `lsDFMq'POP_MAILER_FLAGS), S=EnvFromL, R=EnvToL/HdrToL,
		T=DNS/RFC822/X-Unix,_eq_(`POP_MAILER_QGRP', `Q')
		A=POP_MAILER_ARGS
divert(-1)
