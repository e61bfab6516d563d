# mailstats: every flag over the same files of counters.
# Read by sh with helpers t and note; $R stands before every path of the site.
mkdir -p $R/var/hoststat $R/var/spool/mqueue/bulk/q1 $R/var/spool/mqueue/slow
cp site.cf $R/etc/mail/sendmail.cf
sed 's,log/statistics,log/client,' site.cf > $R/etc/mail/submit.cf
# The numbers of a file: OFFSET VALUE, little-endian and small.
number() { printf "$(printf '\\%03o\\%03o' $(($3 % 256)) $(($3 / 256)))" | dd of=$1 bs=1 seek=$2 conv=notrunc 2>/dev/null; }
st() {
	rm -f $1; dd if=/dev/null of=$1 bs=1 seek=1448 2>/dev/null
	printf '\336\261\001\000\004\000\000\000\061\002\003\153' | dd of=$1 bs=1 conv=notrunc 2>/dev/null
	printf '\250\005' | dd of=$1 bs=1 seek=16 conv=notrunc 2>/dev/null
}
S=$R/var/log/statistics
st $S
note nothing counted
t mailstats
t mailstats -o
t mailstats -P
note counted
number $S 24 1; number $S 32 22; number $S 40 333
number $S 48 1; number $S 56 65535; number $S 64 7
number $S 248 9; number $S 264 4096; number $S 448 5; number $S 648 6; number $S 848 77; number $S 1048 8; number $S 1248 99
number $S 240 12; number $S 440 3
t mailstats
t mailstats -o
t mailstats -P
t mailstats -P -o
t mailstats -o -P
t mailstats -C $R/etc/mail/sendmail.cf
t mailstats -f $S -C site.cf
t mailstats -f $S -o
note the client
cp $S $R/var/log/client; number $R/var/log/client 48 4321
t mailstats -c
t mailstats -c -P
t mailstats -c -C $R/etc/mail/sendmail.cf
t mailstats -c -f $S
note taken and begun anew
t mailstats -p
t "ls -l $S | cut -d' ' -f5"
t mailstats -P
t 'mailstats | tail -n +2'
t mailstats -p -o
note what is wrong
t mailstats -x
t mailstats word
t mailstats -C
t mailstats -f
t mailstats -f /nonexistent
t mailstats -C /nonexistent
printf garbage > garbage
t mailstats -f garbage
st short; dd if=/dev/null of=short bs=1 seek=1000 2>/dev/null
t mailstats -f short
st long; printf 'more' >> long
t mailstats -f long
st version; number version 4 3
t mailstats -f version
st size; number size 16 1449
t mailstats -f size
: > empty
t 'mailstats -f empty | tail -n +2'
t mailstats -f .
grep -v StatusFile site.cf > none.cf
t mailstats -C none.cf
printf 'O StatusFile=\n' >> none.cf
t mailstats -C none.cf
printf 'OS%s\nMone, P=x\nMtwo\n' $S > letters.cf
st $S; number $S 48 4; number $S 56 5; number $S 64 6
t mailstats -C letters.cf
