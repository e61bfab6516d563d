
#
# Ruleset 93 (MasqHdr): what a sender address in a header looks like outside.
#
SMasqHdr=93
ifdef(`_kmap_generics_', `# feature genericstable`'_at_(`genericstable'): local users and their public addresses
R$+ < @ *LOCAL* >	$: < @ > < $1 @ $j > $1 < @ *LOCAL* >
ifdef(`_generics_class_', `R$+ < @ $=G . >		$: < @ > < $1 @ $2 > $1 < @ $2 . >
ifdef(`_generics_entire_', `R$+ < @ $* .$=G . >	$: < @ > < $1 @ $2 .$3 > $1 < @ $2 .$3 . >
')')dnl
R< @ > < $+ @ $+ > $*	$: < $(generics $1@$2 $: @ $) > < $1 @ $2 > $3
R< @ > < $+ + $* @ $+ > $*	$: < $(generics $1+*@$3 $@ $2 $: @ $) > < $1 + $2 @ $3 > $4
R< @ > < $+ + $* @ $+ > $*	$: < $(generics $1@$3 $: @ $) > < $1 + $2 @ $3 > $4
R< @ > < $+ @ $+ > $*	$: < $(generics @$2 $@ $1 $: @ $) > < $1 @ $2 > $3
R< @ > < $+ @ $+ > $*	$: < $(generics $1 $: @ $) > < $1 @ $2 > $3
R< @ > < $+ + $* @ $+ > $*	$: < $(generics $1+* $@ $2 $: @ $) > < $1 + $2 @ $3 > $4
R< @ > < $+ + $* @ $+ > $*	$: < $(generics $1 $: @ $) > < $1 + $2 @ $3 > $4
R< @ > < $* > $*	$: $2
R< >			$@
R< $* @ $* > < $* > $*	$: $>canonify $1 @ $2
R< $+ > < $* > $*	$: $>canonify $1 @ *LOCAL*
')dnl
ifelse(defn(`MASQUERADE_NAME'), `', `R$* < @ *LOCAL* > $*	$@ $1 < @ $j . > $2
', `# users who show where they really are
R$=E < @ *LOCAL* >	$@ $1 < @ $j . >
R$=E < @ $=M . >	$@ $1 < @ $2 . >
ifdef(`_LIMITED_', `', `R$=E < @ $=w . >	$@ $1 < @ $2 . >
')dnl
ifdef(`_masq_except_', `# hosts that do
R$* < @ $=N . > $*	$@ $1 < @ $2 . > $3
')dnl
# everybody else goes under the masquerade: the host is marked with its new
# name, then takes it
R$* < @ *LOCAL* > $*	$: $1 < @ $j . @ $M > $2
R$* < @ $=M . > $*	$: $1 < @ $2 . @ $M > $3
ifdef(`_masq_entire_', `R$* < @ $* .$=M . > $*	$: $1 < @ $2 .$3 . @ $M > $4
')dnl
ifdef(`_LIMITED_', `', `R$* < @ $=w . > $*	$: $1 < @ $2 . @ $M > $3
')dnl
R$* < @ $* @ $* > $*	$: $1 < @ $3 . > $4
')dnl

#
# Ruleset 94 (MasqEnv): the same for the envelope sender.
#
SMasqEnv=94
ifdef(`_masq_envelope_', `R$+			$@ $>MasqHdr $1
', `R$* < @ *LOCAL* > $*	$@ $1 < @ $j . > $2
')dnl

#
# AddDomain: local names with the domain that is always added, if there is one.
#
SAddDomain
ifdef(`_always_add_', `R$* < @ $* > $*	$@ $1 < @ $2 > $3
R$+			$@ $1 < @ ifelse(defn(`_always_domain_'), `', `*LOCAL*', `_always_domain_') >
')dnl
