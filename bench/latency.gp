# Draws latency.svg: gnuplot -e "data = '…'; target = '…'; slow_ms = …; many = …" latency.gp
# data is the directory of what latency_plots.sql wrote.
set encoding utf8
set datafile separator "\t"

ours = 0xd9480f
others = 0x94a3b8
darker = 0x475569
words = 0x475569

set border 0
set tics scale 0 textcolor rgb words
set grid xtics ytics linecolor rgb "#e2e8f0" linetype 1 linewidth 1
set terminal svg size 820,430 noenhanced font "Helvetica,Arial,sans-serif,14" background "#ffffff"
set output target."/latency.svg"
set multiplot layout 1,2 title "How long single calls take" textcolor rgb "#0f172a" font ",17"
set xrange [0:6]
set xtics ("0" 0, "90" 1, "99" 2, "99.9" 3, "99.99" 4, "99.999" 5)
set logscale y
set yrange [10:1e10]
set ytics ("10 ns" 10, "100 ns" 100, "1 µs" 1e3, "10 µs" 1e4, "100 µs" 1e5, "1 ms" 1e6, "10 ms" 1e7, "100 ms" 1e8, "1 s" 1e9, "10 s" 1e10)
set lmargin 9
set rmargin 2
set bmargin 3.5
set key top left reverse Left textcolor rgb words
do for [name in "few many"] {
  points = data."/latency-".name.".tsv"
  set title name eq "few" ? "8 clients, a quiet disk" : sprintf("%d clients, a disk with %d ms flushes", many, slow_ms) \
    textcolor rgb words font ",14"
  if (name eq "many") { unset key }
  set xlabel "% of all calls take no longer" textcolor rgb words
  stats points using 2 nooutput
  # The blocks are those of the empty function, of nextval, and ours.
  plot points index 0 using 1:2 with lines linewidth 2 linecolor rgb others notitle, \
       points index 1 using 1:2 with lines linewidth 2 linecolor rgb darker notitle, \
       points index 2 using 1:2 with lines linewidth 4 linecolor rgb ours notitle, \
       keyentry with lines linewidth 2 linecolor rgb darker title "nextval", \
       keyentry with lines linewidth 4 linecolor rgb ours title "snowflake_next()", \
       keyentry with lines linewidth 2 linecolor rgb others title "empty C function"
}
unset multiplot
