divert(-1)
ifdef(`_ACCESS_', `', `_fault_(`FEATURE(`relay_mail_from') requires FEATURE(`access_db')')')
errprint(`*** WARNING: FEATURE(`relay_mail_from') may cause your system to act as open
	relay.  Use SMTP AUTH or STARTTLS instead.
')
ifdef(`_ACCESS_', `divert(163)dnl
# feature relay_mail_from`'_at_(`relay_mail_from'): senders whom the access table lets relay
R$*			$: < ? > $>CanonAddr $&f
R< ? > $+ < @ $+ . >	$: < ? > $1 < @ $2 >
R< ? > $+ < @ $+ >	$: < @ > $>SearchList < ! From > $| < F:$1@$2 > ifelse(defn(`_ARG_'), `domain', `< D:$2 >') < >
R< @ > < RELAY >	$@ RELAY
divert(-1)')
