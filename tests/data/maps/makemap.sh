# makemap, editmap, praliases: what they say and how they exit.
# Read by sh, with helpers t, note and quiet; the answers are the reference's
# (but for type cdb, which that build lacks).
note good input
printf 'key\tvalue\nKEY2  several words here\n# comment\n\n   \nthird:\tx\n' > in
t 'makemap hash m < in'
t 'makemap -u hash m | sort'
t 'makemap -v hash m < in'
t makemap -l
note errors in input
printf 'dup\t1\ndup\t2\nok\t3\n' > dup
t 'makemap hash d1 < dup'
t 'makemap -u hash d1 | sort'
t 'makemap -r hash d2 < dup'
t 'makemap -u hash d2 | sort'
t 'makemap -d btree d3 < dup'
t 'makemap -u btree d3'
t 'makemap -d hash d4 < dup'
printf 'novalue\nok\tv\n' > nov
t 'makemap hash n1 < nov'
t 'makemap -e hash n2 < nov'
t 'makemap -u hash n2 | sort'
printf 'emptyval\t\nok\tv\n\tnokey\n' > ev
t 'makemap hash n3 < ev'
t 'makemap -u hash n3 | sort'
note options
t 'makemap -f hash f1 < in; makemap -u hash f1 | sort'
t 'makemap -N hash f2 < in; od -c f2.db | grep -c K; makemap -u hash f2 | sort | od -c | head -3'
t 'makemap -o hash m < dup'
printf 'new\tx\n' > new
t 'makemap -o hash m < new; makemap -u hash m | sort'
printf 'a:1\nb: two words\nc\td:3\n' > col
t 'makemap -t: hash c1 < col; makemap -u hash c1 | sort'
printf 'a 1 ;x\n;whole\nb 2\n' > com
t "makemap '-D;' hash c2 < com; makemap -u hash c2 | sort"
t 'makemap -s hash s1 < in'
t 'makemap -c 1000 hash s2 < in'
note misuse
t makemap
t makemap hash
t makemap nosuch x
t 'makemap hash /nonexistent/x < in'
t makemap -u hash nosuchmap
t makemap -Q hash x
t makemap hash x y
t 'makemap -C /nonexistent.cf hash x < in'
t 'ls -l m.db d3.db | cut -c1-10'
note makemap with a very long line
t "printf '%3001s\\tv\\n' k | tr ' ' x > long; makemap hash l1 < long; makemap -u hash l1 | wc -c"
note editmap
t editmap -q hash m new
t editmap -u hash m new changed
t editmap -q hash m new
t editmap -x hash m new
t editmap -q hash m new
t editmap -x hash m new
t editmap -u hash m UPPER Value
t editmap -q hash m upper
t editmap -N -u hash m nul v
t editmap hash m x
t editmap -q hash nosuch x
t editmap
note praliases
quiet newaliases
t 'praliases | sort'
t praliases staff
t praliases staff nosuch Root
t 'praliases -f /case/aliases | sort | head -3'
t praliases -f /case/nosuch
t praliases -C /nonexistent.cf
t praliases -x
