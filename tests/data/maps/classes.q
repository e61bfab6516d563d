h key
h KEY
h nokey
h spa
hm KEY
hm no
hf KEY
hf key
hN nul
hO nul
hn nul
hS spa
ha key
hk key
hd dup
b key
ho x
hoT x
hmiss x
hmissT x
garb x
garbo x
dirm x
flag key
nofile x
tx key
tx KEY
tx key2
tx lead
tx only
tx1 key
tx1 KEY2
tx1 lead
tx1 only
tx1 tab
tx1 #hash
tx1 sp
tx1 e
txk b
txk e
tx2 a
tx2 d
tx2 x
txm a
txm sp ace
txm q
txm "q"
txc sp ace
txc x
txc q
txc SP ACE
txz k a
txz k2
txf key2
tx6 more
tx6 y
txmiss x
txmisso x
txdir x
txbad x
txneg x
txrel x
seq key
seq key2
seq no
seqbad x
seq1 key
seq1 no
seq2 key
seq2 no
seq3 no
seqno key
seq0 x
nul x
nula x
dq "foo"
dq "foo bar"
dq "a@b"
dq foo
dq ""
dq "a
dq a"b"c
dq "a<b>"
dq "a<b"
dq "a(b)"
dq "a)b"
dq "a\b"
dq "a\"
dq a\"b
dq a\"b"c"
dq "a""b"
dq "a b"c
dq "a;b"
dqs "foo bar"
dqs foo bar
dqa "foo"
dqp "a b"
dequote "a"
u alice
u Upper
u upper
u nosuch
uv alice
ud alice
us alice
ui alice
ug alice
up alice
um alice
ubad alice
r foo12
r FOO12
r baz
rs aabbc
rs xxaacyy
rs0 aabbc
rn foo
rn bar
rnm foo
rnm bar
rb xy
rm xyz
rf ABC
rf abc
rd aabbc
rq a b
rq xy
rq xy(z
rq xy"z
rq xy<z
rq xy)z
rq x"y z"
rq x"y z" w
rq x\y
rq x\ y
rw a b
rw "a b"
rw a <b>
rw a\ b
rw "a b"@"c"
rg y
rg xz
r9 a
rbad x
rmt a b
ra x<y>
ra x<y>zz
re x
arp 1.2.3.4
arp ::1
arp IPv6:::1
arp IPv6:2001:db8::1
arp 300.1.1.1
arp [1.2.3.4]
arpa 1.2.3.4
host mail.example.org
host mail.example.org.
host nosuch.example.com
host example.com
host www.example.com
host txtonly.example.com
host [127.0.0.1]
host [9.9.9.9]
host 127.0.0.1
host a b
host2 mail.example.org
hostm mail.example.org
dns mail.example.org
dns nosuch.example.com
dns temp.example.com
dnsmx example.com
dnsmx1 example.com
dnst example.org
dnst example.com
dnsp 1.0.0.127.in-addr.arpa
dnsb mx1
dnsb mail
dnsc www.example.com
dnsm mail.example.org
dnsx x
dns0 x
bm example.com
bm mx1.example.com
bm EXAMPLE.com
bm nosuch.example.com
bm nullmx.example.com
bm txtonly.example.com
bm temp.example.com
bm [1.2.3.4]
bma example.com
bmz example.com
pr key word
pra key
prm key
pr0 x
pr1 x
pr75 x
prno x
sl key
sw key
swm key
swn key
swt key
swt no
bogus x
nosuch x
imp key
impo x
impx x
