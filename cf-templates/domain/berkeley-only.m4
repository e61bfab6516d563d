divert(-1)
dnl berkeley-only.m4 - the domains beside it are examples: they name hosts of the
dnl University of California and serve nobody else.
_fault_(`You are trying to use the Berkeley sample configuration	files outside of the Computer Science Division at Berkeley.	The configuration (.mc) files must be customized to reference	domain files appropriate for your environment.')
