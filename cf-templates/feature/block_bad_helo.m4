divert(-1)
dnl block_bad_helo: clients that greet with no name, or with ours.
_class_(`w', `[127.0.0.1] [IPv6:0:0:0:0:0:0:0:1] [IPv6:::1]')
_class_(`R', `127.0.0.1 IPv6:0:0:0:0:0:0:0:1 IPv6:::1')
divert(164)dnl
# feature block_bad_helo
R$*			$: < $&s > $1
R< $=w > $*		$#error $@ 5.7.1 $: "550 bogus HELO name used: " $&s
R< [ $+ ] > $*		$: $2
R< $+ . $+ > $*		$: $3
R< $* > $*		$#error $@ 5.7.1 $: "550 bogus HELO name used: " $&s
divert(-1)
