divert(-1)
dnl xagent.m4 - an X.400 gateway.
_default_(`XAGENT_MAILER_PATH', `/usr/lib/xagent')
_default_(`XAGENT_MAILER_FLAGS', `DFMueXLn')
_default_(`XAGENT_MAILER_ARGS', `xagent $h $u')
divert(7)dnl

#
# X.400
#
_by_(`mailer_xagent')dnl
Mxagent,	P=XAGENT_MAILER_PATH, F=XAGENT_MAILER_FLAGS, S=11/31, R=21/31,_eq_(`XAGENT_MAILER_MAX', `M')
		T=DNS/RFC822/X-Unix, A=XAGENT_MAILER_ARGS, E=\n
divert(-1)
