# Draws call.svg, clients.svg and inserts.svg: gnuplot -e "data = '…'; target = '…'" plot.gp
# In data: *.tsv of plots.sql, whose columns are named where they are drawn.
set terminal svg size 820,430 noenhanced font "Helvetica,Arial,sans-serif,14" background "#ffffff"
set encoding utf8
set datafile separator "\t"
set border 0
set tics scale 0 textcolor rgb "#475569"
set grid linecolor rgb "#e2e8f0" linetype 1 linewidth 1
set title textcolor rgb "#0f172a" font ",17" offset 0,0.4
unset key

ours = 0xd9480f
others = 0x94a3b8
words = 0x475569
is_ours(name) = name[1:9] eq "snowflake"

# call.tsv: place from the top, name, nanoseconds, the same as text
set output target."/call.svg"
set title "What a call costs, in nanoseconds (logarithmic)"
stats data."/call.tsv" using 3 nooutput
set logscale x
set xrange [0.5:STATS_max * 4]
set yrange [STATS_records + 0.5:0.3]
set grid noytics xtics
set format x "%g"
set style fill solid
set lmargin 24
plot data."/call.tsv" using (0.5):1:(0.5):3:($1 - 0.36):($1 + 0.36):(is_ours(strcol(2)) ? ours : others):ytic(2) \
       with boxxyerror linecolor rgb variable, \
     "" using 3:1:4 with labels left offset 0.7,0 textcolor rgb "#0f172a"

# NAME.tsv: blocks of one contender each, ours last: clients, a second, name. NAME-labels.tsv: name, height
unset logscale
set logscale y
set autoscale y
set grid noxtics ytics
set format y "%.0s%c"
set lmargin 9
set rmargin 25
set xlabel "clients" textcolor rgb words
do for [name in "clients inserts"] {
  points = data."/".name.".tsv"
  labels = data."/".name."-labels.tsv"
  stats points using 1 nooutput
  last = STATS_blocks - 1
  set output target."/".name.".svg"
  set title (name eq "clients" ? "IDs" : "Rows, one an INSERT,")." a second of all clients together, on ".cores." cores"
  set logscale x
  set xrange [1:STATS_max]
  set xtics (1, 2, 4, 8, 16, 32, 64)
  plot for [block = 0:last - 1] points index block using 1:2 \
         with linespoints pointtype 7 pointsize 0.5 linewidth 2 linecolor rgb others, \
       points index last using 1:2 with linespoints pointtype 7 pointsize 0.7 linewidth 4 linecolor rgb ours, \
       labels using (STATS_max):2:1:(is_ours(strcol(1)) ? ours : words) \
         with labels left offset 1.2,0 textcolor rgb variable
}
