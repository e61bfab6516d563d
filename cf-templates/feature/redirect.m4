divert(-1)
_pseudo_(`REDIRECT')
define(`_REDIRECT_', 1)
