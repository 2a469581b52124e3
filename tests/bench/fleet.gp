# Draws tests/bench/fleet.svg from the data of the program fleet; see README.md.
set terminal svg size 900,760 font "sans,11" background "white"
set output output
set multiplot layout 4,2 title "10,000 clients, server gone from 0 to 60 s: dials in each second"
set xrange [0:150]
set yrange [0:10000]
set ytics 2500
set xtics 30
set grid ytics lc rgb "#dddddd"
set arrow from 60, graph 0 to 60, graph 1 nohead lc rgb "#cc0000" dt 2
array names[7] = ["heartbeat\\_socket", "fixed, 3 s", "exponential, no jitter", "IXWebSocket", "Socket.IO", "gRPC", "Python websockets"]
do for [index = 1:7] {
    set title names[index]
    plot data using 1:(column(index + 1) > 10000 ? 10000 : column(index + 1)) with steps lw 1.5 lc rgb "#336699" notitle
}
unset multiplot
