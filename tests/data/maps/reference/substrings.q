1 bob@host.example
1 x.y
2 bob@host.example
2 x.y
3 bob@host.example
3 x.y
4 bob@host.example
4 x.y
5 bob@host.example
5 x.y
6 bob@host.example
6 x.y
7 bob@host.example
7 x.y
8 bob@host.example
8 x.y
9 bob@host.example
9 x.y
10 bob@host.example
10 x.y
11 bob@host.example
11 x.y
12 bob@host.example
12 x.y
/map rs bob@host.example
/map rs0 bob@host.example
/map rsa bob@host.example
/map rsd bob@host.example
-d21.12
2 bob@host.example
