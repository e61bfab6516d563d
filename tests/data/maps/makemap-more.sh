# makemap, editmap, praliases: odd sources, odd files, odd uses.
# Read by sh, with helpers t, note and quiet; the answers are the reference's.
printf 'k v\n' > in
note files
mkdir -p dir.db; t 'makemap hash dir < in'
ln -s in lnk.db; t 'makemap hash lnk < in'
t 'makemap hash m.db < in; ls m*'
t 'makemap implicit m2 < in; ls m2*; makemap -u implicit m2'
touch perm.db; chmod 604 perm.db; t 'makemap hash perm < in; ls -l perm.db | cut -c1-10'
ln perm.db hard.db; t 'makemap hash perm < in'; rm hard.db
echo garbage > g.db; t 'makemap -u hash g'; t 'makemap -o hash g < in'; t 'makemap hash g < in; makemap -u hash g'
t 'makemap -u btree m'
quiet 'makemap btree bt < in'; t 'makemap -u hash bt'; t 'makemap -o hash bt < in'; t 'makemap hash bt < in; makemap -u hash bt'
t 'makemap hash nodir/m < in'
t 'umask 077; makemap hash u7 < in; ls -l u7.db | cut -c1-10'
note sources
printf 'a=b=c\nx==y\n =z\n= q\nd = e f\n' > eq
t 'makemap -v -t= hash m3 < eq'
t 'makemap -v -t "=x" hash m3 < eq'
printf '=a b\nk=\n==\n' > c10
t 'makemap -v -t= hash m3 < c10'
t 'makemap -v -e -t= hash m3 < c10'
t 'makemap -v -e hash m3 < c10'
printf '#c\na b#c\n\n# x\n#\n' > com; t 'makemap -v hash m3 < com'
printf 'a b\n\n#x' > c2; t "makemap -D '' -v hash m3 < c2"; t 'makemap -Dab -v hash m3 < c2'
printf 'a b\r\nc d\r\n' > crlf; t 'makemap hash m3 < crlf; makemap -u hash m3 | sort | od -c'
printf 'a b\nc d' > nonl; t 'makemap -v hash m3 < nonl'
printf 'a \000b x\nc\000d y\nz\n' > nul; t 'makemap -v hash m3 < nul'
printf '#a\000b\na b\n' > nul; t 'makemap -v hash m3 < nul'
printf 'A\303\204 b\n\304 X\n' > u8; t 'makemap -v hash m3 < u8 | od -c'
printf 'a\tb \t \nb  c  \n' > trail; t 'makemap -v hash m3 < trail'
printf '"a b" c\n' > q; t 'makemap -v hash m3 < q'
printf '\r\na b\n' > cr; t 'makemap -v hash m3 < cr'
printf 'a\013b c\nx\014y z\n\013q r\nA B\n' > vt; t 'makemap -v hash m3 < vt'
t "makemap -t '' hash m3 < in"
t 'makemap -v -tx hash m3 < in'
note long lines
line() { printf "%$1s" | tr ' ' v; }
for n in 1020 1021 1022 1023; do (printf 'k '; line $n; printf '\nb c\n') > long; t 'makemap hash m3 < long; makemap -u hash m3 | wc -c'; done
(printf 'k '; line 1021) > long; t 'makemap hash m3 < long; makemap -u hash m3 | wc -c'
(printf 'k '; line 5000; printf '\nb c\n') > long; t 'makemap hash m3 < long 2>&1 | cut -c1-60; makemap -u hash m3'
for n in 1021 1022; do (printf '#'; line $n; printf '\na b\n') > long; t 'makemap -v hash m3 < long'; done
note duplicates
printf 'dup 1\ndup 2\nDUP 3\n' > dup
t 'makemap -v hash m3 < dup'
t 'makemap -v -r hash m3 < dup'
t 'makemap -v -d hash m3 < dup; makemap -u hash m3'
t 'makemap -o -d hash m3 < dup; makemap -u hash m3'
t 'makemap -o hash m3 < dup; makemap -u hash m3'
t 'makemap -o -r hash m3 < dup; makemap -u hash m3'
t 'makemap -d -r hash m4 < dup; makemap -u hash m4'
note flags
t 'makemap -i foo hash m < in'
t makemap -i
t makemap -c
t makemap -l x y
t makemap --help
t 'makemap hash -v m < in'
t 'makemap -v -v -N hash m9 < in; makemap -N -u hash m9; makemap -uN hash m9'
t 'makemap HASH m9 < in'
t 'makemap text m9 < in'
t 'makemap dbm m9 < in'
t makemap -u -t: hash m
t makemap -u -v hash m
note editmap
quiet 'makemap hash m < in; makemap -d hash d < dup; makemap -N hash n < in'
t editmap -q hash m K
t editmap -f -q hash m K
t editmap -u hash m k
t editmap -u hash m k a b
t editmap -N -q hash n k
t editmap -q hash n k
t editmap -N -u hash n k2 v2
t 'makemap -u hash n | sort'
t editmap -q hash d dup
t editmap -u hash d dup newv
t 'makemap -u hash d'
t editmap -x hash d dup
t 'makemap -u hash d'
t editmap -u hash made k v
t editmap -x hash made2 k
t editmap -q btree m k
t editmap -q nosuch m k
t editmap -Q
t editmap -q -u hash m k x
t editmap -q -x hash m k
t editmap -q hash m k value
t editmap -x hash m k extra
t editmap -q implicit m k
t editmap -q hash lnk k
note praliases
printf 'alice x\nbob y, z\n' | quiet makemap -N hash al
printf 'carol q\n' | quiet makemap hash al2
conf() { printf 'O DontBlameSendmail=MapInUnsafeDirPath\n%s\n' "$*" > p.cf; }
conf 'O AliasFile=/case/al
O AliasFile=hash:/case/al2'
t praliases -C p.cf
t praliases -C p.cf alice carol nosuch
t praliases -f al
t praliases -f hash:al
t praliases -f btree:al
t praliases -f text:al
t praliases -f nosuch:al
t praliases -f implicit:al
t praliases -f hash:none
t praliases -f none alice
conf 'O AliasFile=hash:-o /case/none
O foo=bar
O AliasFile=hash:/case/al'; t praliases -C p.cf
conf 'O AliasFile=/case/al, /case/al2'; t praliases -C p.cf
conf 'O AliasFile=ldap:, nis:x'; t praliases -C p.cf
conf 'OA/case/al'; t praliases -C p.cf alice
conf; t praliases -C p.cf
t praliases -C
t praliases -f g
echo garbage > g.db; t praliases -f g
