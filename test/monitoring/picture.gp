# Draws what the dashboard shows of the faults of 030_alerts.pl, after scripts/test monitoring:
#     gnuplot -e "data = 'build/monitoring/panels'; target = 'docs/dashboard.svg'" test/monitoring/picture.gp
# data has panels.tsv (number, type, unit, title), and for each panel N.tsv: a block of (series, time, value) for each.
set encoding utf8
set datafile separator "\t"
set datafile missing "NaN"

ok = 0x40a02b
warning = 0xf59f00
critical = 0xd9480f
words = 0x475569
array colors[8] = [0x1971c2, 0xd9480f, 0x2f9e44, 0x9c36b5, 0xf59f00, 0x0c8599, 0xe64980, 0x5c5f66]

set terminal svg size 1100,1330 noenhanced font "Helvetica,Arial,sans-serif,12" background "#ffffff"
set output target
set border 0
set tics scale 0 textcolor rgb words font ",10"
set title textcolor rgb "#0f172a" font ",14" offset 0,-0.3
set style fill solid
set xlabel ""

field(panel, number) = system(sprintf("sed -n %dp %s/panels.tsv | cut -f %d", panel, data, number))
file(panel) = sprintf("%s/%d.tsv", data, panel)
unit_of(panel) = field(panel, 3) eq "s" ? ", s" : field(panel, 3) eq "percentunit" ? ", %" : ""

stats data."/panels.tsv" using 1 nooutput
panels = int(STATS_max)
stats file(1) using 2 nooutput

set multiplot
set xrange [STATS_min:STATS_max]
set grid noytics noxtics

# The states: a row for each check of each server.
set size 1, 0.28
set origin 0, 0.72
set lmargin at screen 0.17
set rmargin at screen 0.97
set title field(1, 4)
unset key
rows = STATS_blocks
color_of(state) = state == 0 ? ok : state == 1 ? warning : critical
begin = until = state = before = 0
# A value lasts until the next.
from(time, value) = (begin = time, state = value)
is_first(row) = row == 0
set yrange [rows - 0.4:-0.6]
plot for [block = 0:rows - 1] file(1) index block \
  using (is_first($0) ? from($2, $3) : from(until, state), until = $2, before = state, state = $3, (begin + until) / 2): \
    (block):(begin):(until):(block - 0.4):(block + 0.4):(color_of(before)):ytic(1) \
  with boxxyerror linecolor rgb variable
set yrange [*:*]

# The others: two in a row. A panel of many series has no key. (One that is empty is a server without a registry.)
set grid ytics linecolor rgb "#e2e8f0" linetype 1 linewidth 1
set key outside right top vertical Left reverse samplen 1 font ",9" textcolor rgb words
set ytics autofreq
do for [panel = 2:panels] {
  place = panel - 2
  set size 0.5, 0.175
  set origin 0.5 * (place % 2), 0.54 - 0.18 * (place / 2)
  set lmargin at screen 0.5 * (place % 2) + 0.06
  set rmargin at screen 0.5 * (place % 2) + 0.37
  set title field(panel, 4).unit_of(panel)
  scale = field(panel, 3) eq "percentunit" ? 100 : 1
  stats file(panel) using 3 nooutput
  series = STATS_blocks
  set format y STATS_max > 1000 ? STATS_max > 10000 ? "%.0s%c" : "%.1s%c" : "%g"
  plot for [block = 0:series - 1] file(panel) index block using 2:($3 * scale) \
    with lines linewidth 1.6 linecolor rgb colors[block % 8 + 1] title series > 8 ? "" : columnheader(1)
}
unset multiplot
