# Draws call.svg, bulk.svg and clients.svg: gnuplot -e "data = '…'; target = '…'; cores = …" plot.gp
# data is the directory of what plots.sql wrote.
set encoding utf8
set datafile separator "\t"

ours = 0xd9480f
others = 0x94a3b8
words = 0x475569
is_ours(name) = name[1:9] eq "snowflake"

set border 0
set tics scale 0 textcolor rgb words
set grid linecolor rgb "#e2e8f0" linetype 1 linewidth 1
set title textcolor rgb "#0f172a" font ",17" offset 0,0.3
set style fill solid
unset key

# Bars, the shortest on top: place, name, value, the value in words.
set lmargin 22
set rmargin 8
set grid noytics xtics
do for [name in "call bulk"] {
  bars = data."/".name.".tsv"
  unset logscale
  set autoscale
  stats bars using 3 nooutput
  set terminal svg size 820,(90 + 36 * STATS_records) noenhanced font "Helvetica,Arial,sans-serif,14" background "#ffffff"
  set output target."/".name.".svg"
  set title name eq "call" ? "What a call costs: nanoseconds, on a logarithmic scale" \
                           : "INSERT … SELECT of a million rows: seconds"
  from = name eq "call" ? 0.5 : 0
  if (name eq "call") { set logscale x }
  set xrange [from:STATS_max * (name eq "call" ? 2 : 1.1)]
  set yrange [STATS_records + 0.6:0.4]
  plot bars using (from):1:(from):3:($1 - 0.36):($1 + 0.36):(is_ours(strcol(2)) ? ours : others):ytic(2) \
         with boxxyerror linecolor rgb variable, \
       bars using 3:1:4 with labels left offset 0.7,0 textcolor rgb words
}

# Lines, ours last: a block of clients, IDs a second for each. Their names: name, height.
points = data."/clients.tsv"
labels = data."/clients-labels.tsv"
unset logscale
set autoscale
stats points using 1 nooutput
last = STATS_blocks - 2 # the file ends in what would be another block
set terminal svg size 820,430 noenhanced font "Helvetica,Arial,sans-serif,14" background "#ffffff"
set output target."/clients.svg"
set title "IDs a second of all clients together, on ".cores." cores"
set xlabel "clients" textcolor rgb words
set lmargin 9
set rmargin 25
set grid noxtics ytics
set logscale xy
set xrange [1:STATS_max]
set xtics (1, 2, 4, 8, 16, 32, 64)
set ytics auto
set format y "%.0s%c"
plot for [block = 0:last - 1] points index block using 1:2 \
       with linespoints pointtype 7 pointsize 0.5 linewidth 2 linecolor rgb others, \
     points index last using 1:2 with linespoints pointtype 7 pointsize 0.7 linewidth 4 linecolor rgb ours, \
     labels using (STATS_max):2:1:(is_ours(strcol(1)) ? ours : words) \
       with labels left offset 1.2,0 textcolor rgb variable
