divert(-1)
ifdef(`_ACCESS_', `', `_fault_(`FEATURE(`require_rdns') requires FEATURE(`access_db')')')
define(`_REQUIRE_RDNS_', 1)
divert(145)dnl
# feature require_rdns: clients without a name that is theirs
R$*			$: < $&{client_resolve} > $&{client_addr}
R< FAIL > $+		$#error $@ 5.7.1 $: "550 Fix reverse DNS for " $1
R< TEMP > $+		$#error $@ 4.1.8 $: "451 Client IP address " $1 " does not resolve"
R< FORGED > $+		$#error $@ 4.1.8 $: "451 Possibly forged hostname for " $1
divert(-1)
