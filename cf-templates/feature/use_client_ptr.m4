divert(-1)
define(`_USE_CLIENT_PTR_', 1)
divert(147)dnl
# feature use_client_ptr`'_at_(`use_client_ptr'): the name that DNS gives, proved or not
R$* $| $*		$: $&{client_ptr} $| $2
divert(-1)
