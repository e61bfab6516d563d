divert(-1)
dnl EECS.Berkeley.EDU.m4 - one department of that campus.
DOMAIN(`Berkeley.EDU')
MASQUERADE_AS(`EECS.Berkeley.EDU')
