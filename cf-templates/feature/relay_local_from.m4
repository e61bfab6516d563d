divert(-1)
errprint(`*** WARNING: FEATURE(`relay_local_from') may cause your system to act as open
	relay.  Use SMTP AUTH or STARTTLS instead. If you cannot use those,
	try FEATURE(`relay_mail_from').
')
divert(163)dnl
# feature relay_local_from`'_at_(`relay_local_from'): senders who say that they are from here
R$*			$: < ? > $>CanonAddr $&f
R< ? > $+ < @ $=w . >	$@ RELAY
divert(-1)
