# sendmail -d0.1 and -bC: who this host is, and whether a configuration can be read.
# Read by sh with helpers t and note; $R stands before every path of the site.
mkdir -p $R/var/hoststat $R/var/spool/mqueue/bulk/q1 $R/var/spool/mqueue/slow
cp site.cf $R/etc/mail/sendmail.cf
: > $R/etc/mail/aliases; chmod 644 $R/etc/mail/aliases
identity() { sed '/^ Compiled with:/,/^$/d; s/^Version .*/Version/'; }
t 'sendmail -d0.1 < /dev/null 2>&1 | identity'
t 'sendmail -d0 < /dev/null 2>&1 | identity'
t 'sendmail -d < /dev/null 2>&1 | grep -c "SYSTEM IDENTITY"'
t 'sendmail -d0.1 -bt < /dev/null 2>&1 | identity'
t 'sendmail -d0.1 -bC 2>&1 | identity'
t 'sendmail -d1-9.1 -bC > /dev/null'
t 'sendmail -d0.1 -bP 2>&1 | identity'
t 'sendmail -d0.1 < /dev/null > /dev/null'
t 'sendmail -d0.1 -C /nonexistent.cf 2>&1 | sed "/^ Compiled/,/XDEBUG/d; 1d"'
t 'sendmail -C /nonexistent.cf -d0.1 > /dev/null'
t 'sendmail -bC'
t 'sendmail -bC -C /nonexistent.cf'
printf 'nonsense\nO Nonsense=1\n' | cat site.cf - > bad.cf
t 'sendmail -bC -C bad.cf'
t 'sendmail -bP -C bad.cf'
t 'sendmail -bp -C bad.cf'
t 'sendmail -bv -C bad.cf root'
t 'sendmail -C bad.cf -bh'
t 'sendmail -bC word'
t 'sendmail -bC -OQueueDirectory=/nonexistent'
grep -v '^Mlocal' site.cf > nolocal.cf
t 'sendmail -bC -C nolocal.cf'
grep -v '^V' site.cf > nov.cf
t 'sendmail -bC -C nov.cf | sed "s/sendmail [0-9.]*/sendmail VERSION/"'
note where it is said
for c in 'sendmail' 'sendmail -bC -C bad.cf' 'sendmail -bp -C /nonexistent.cf' 'sendmail -bZ' 'sendmail -f a -f b' 'sendmail -qX' 'sendmail -bp -qGnone' 'sendmail -bp -OQueueSortOrder=wrong' 'sendmail -bp -ONonsense=1' 'sendmail -bv'; do
	t "$c 2> /dev/null"
done
t 'sendmail -Z > /dev/null'
t 'sendmail -f > /dev/null'
